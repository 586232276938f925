import { startHost } from "../../clients/host.ts";
import { pidOf } from "../../clients/plugins.ts";
import { createPauser, type MeasuredServer, startChildServer } from "../measured-server.ts";

/** Calls by outcome. */
export type Outcomes = Readonly<Record<string, number>>;

/** A server under load whose scorers, where it has some, are watched. */
export interface System extends MeasuredServer {
  /** Calls of all its scorers so far; empty where it has none. */
  outcomes(): Promise<Outcomes>;
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
    "responses: full",
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
  const stopped = hung === undefined ? [] : [-(await pidOf(host.addresses.admin, hung))];
  for (const group of stopped) process.kill(group, "SIGSTOP");
  const { pause, resume } = await createPauser(host, stopped);
  return {
    row,
    pid: host.pid,
    address: host.addresses.extProc,
    pause,
    resume,
    outcomes: async () => readOutcomes(await host.metrics()),
    async stop() {
      await resume();
      await host.stop();
    },
  };
}

/** Bare `node:http2` with canned answers: what any server in Node costs here. */
export async function startEcho(row: string): Promise<System> {
  const server = await startChildServer(row, new URL("../echo.ts", import.meta.url));
  return { ...server, outcomes: async () => ({}) };
}

/** Calls of scorers by outcome, off a metrics page. */
export function readOutcomes(page: string): Outcomes {
  const outcomes: Record<string, number> = {};
  for (const [, kind = "", value] of page.matchAll(/^outrider_scorer_outcomes_total\{.*outcome="(\w+)".*\} (\S+)$/gm)) {
    outcomes[kind] = (outcomes[kind] ?? 0) + Number(value);
  }
  return outcomes;
}
