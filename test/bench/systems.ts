import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { startHost } from "../clients/host.ts";
import { listPlugins, pidOf } from "../clients/plugins.ts";

/** A server under load, a process of its own. */
export interface System {
  /** Row of the table. */
  readonly row: string;
  readonly pid: number;
  /** `ip:port` of its ext_proc. */
  readonly address: string;
  /** Stops all its processes, so that they cost nothing while another system is measured. */
  pause(): void;
  /** Has them go on, and waits until they have found their way back. */
  resume(): Promise<void>;
  /** Calls of all its scorers so far, by outcome; empty where it has none. */
  outcomes(): Promise<Readonly<Record<string, number>>>;
  stop(): Promise<void>;
}

const scorers = [
  { name: "queue", type: "queue-scorer", weight: 2, grant: "" },
  { name: "kv", type: "kv-cache-utilization-scorer", weight: 2, grant: "" },
  { name: "prefix", type: "prefix-cache", weight: 3, grant: ", grant: [request.block_hashes]" },
  { name: "session", type: "session-affinity", weight: 1, grant: "" },
];

function configure(placement: "inline" | "process"): string {
  const plugins = scorers.map(
    ({ name, type, grant }) => `- { name: ${name}, type: ${type}, placement: ${placement}, budget: 2ms${grant} }`,
  );
  const refs = scorers.map(({ name, weight }) => `{ pluginRef: ${name}, weight: ${weight} }`);
  return [
    "apiVersion: outrider.dev/v1alpha1",
    "kind: EndpointPickerConfig",
    "budget: 5ms",
    "plugins:",
    ...plugins,
    "- { name: best, type: max-score-picker }",
    "schedulingProfiles:",
    `- { name: default, plugins: [${refs.join(", ")}, { pluginRef: best }] }`,
    "",
  ].join("\n");
}

/** A host with four scorers; `hung` stops the named one's process after it has become active. */
export async function startSystem(
  row: string,
  placement: "inline" | "process",
  endpoints: readonly string[],
  hung?: string,
): Promise<System> {
  const host = await startHost({ config: configure(placement), endpoints });
  const groups = (await listPlugins(host.addresses.admin)).flatMap(({ pid = 0 }) => (pid === 0 ? [] : [-pid]));
  const stopped = hung === undefined ? undefined : -(await pidOf(host.addresses.admin, hung));
  if (stopped !== undefined) process.kill(stopped, "SIGSTOP");
  const signal = (name: NodeJS.Signals) => {
    for (const target of [...groups.filter((group) => group !== stopped), host.pid]) trySignal(target, name);
  };
  return {
    pause: () => signal("SIGSTOP"),
    async resume() {
      signal("SIGCONT");
      await sleep(settleMs);
    },
    row,
    pid: host.pid,
    address: host.addresses.extProc,
    outcomes: async () => readOutcomes(await host.metrics()),
    async stop() {
      signal("SIGCONT");
      await host.stop();
    },
  };
}

/** A host that was paused reconnects to its plugins, which takes a while. */
const settleMs = 2_000;

/** What has been replaced meanwhile is no longer ours to signal. */
function trySignal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Bare `node:http2` with canned answers: what any server in Node costs here. */
export async function startEcho(row: string): Promise<System> {
  const file = fileURLToPath(new URL("echo.ts", import.meta.url));
  const child = spawn(process.execPath, ["--max-semi-space-size=4", file], { stdio: ["pipe", "pipe", "inherit"] });
  const address = await new Promise<string>((resolve) => createInterface(child.stdout).once("line", resolve));
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    row,
    pid: child.pid ?? 0,
    address,
    pause: () => void child.kill("SIGSTOP"),
    async resume() {
      child.kill("SIGCONT");
    },
    outcomes: async () => ({}),
    async stop() {
      child.kill("SIGCONT");
      child.stdin.end();
      await gone;
    },
  };
}

function readOutcomes(page: string): Record<string, number> {
  const outcomes: Record<string, number> = {};
  for (const [, kind = "", value] of page.matchAll(/^outrider_scorer_outcomes_total\{.*outcome="(\w+)".*\} (\S+)$/gm)) {
    outcomes[kind] = (outcomes[kind] ?? 0) + Number(value);
  }
  return outcomes;
}
