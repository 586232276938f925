import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { type Host, type HostOptions, startHost } from "../clients/host.ts";
import { listPlugins } from "../clients/plugins.ts";
import type { Measured } from "./windows.ts";

/** A server by its address. */
export interface MeasuredServer extends Measured {
  /** `ip:port`. */
  readonly address: string;
}

/** A server of this folder, in the way a host is started. @param file prints its address and ends with its input. */
export async function startChildServer(row: string, file: URL, args: readonly string[] = []): Promise<MeasuredServer> {
  const argv = [...memoryFlags, file.pathname, ...args];
  const child = spawn(process.execPath, argv, { stdio: ["pipe", "pipe", "inherit"] });
  const gone = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const address = await new Promise<string>((resolve, reject) => {
    createInterface(child.stdout).once("line", resolve);
    void gone.then(() => reject(new Error(`${row} ended before it listened`)));
  });
  return {
    row,
    pid: child.pid ?? 0,
    address,
    pause: () => void child.kill("SIGSTOP"),
    async resume() {
      child.kill("SIGCONT");
    },
    async stop() {
      child.kill("SIGCONT");
      child.stdin.end();
      await gone;
    },
  };
}

/** As `outrider serve` is started. */
const memoryFlags = ["--initial-old-space-size=512", "--min-semi-space-size=4", "--max-semi-space-size=4"];

/** A whole host. @param door whose address is wanted. */
export async function startHostServer(
  row: string,
  options: HostOptions,
  door: "extProc" | "gateway",
): Promise<MeasuredServer> {
  const host = await startHost(options);
  const { pause, resume } = await createPauser(host);
  return { row, pid: host.pid, address: host.addresses[door] ?? "", pause, resume, stop: () => stopHost(host, resume) };
}

async function stopHost(host: Host, resume: () => Promise<void>): Promise<void> {
  await resume();
  await host.stop();
}

/** Stops and continues a host with the processes of its plugins, all but those of `left`. */
export async function createPauser(host: Host, left: readonly number[] = []) {
  const plugins = await listPlugins(host.addresses.admin);
  const groups = plugins.flatMap(({ pid = 0 }) => (pid === 0 || left.includes(-pid) ? [] : [-pid]));
  const signal = (name: NodeJS.Signals) => {
    for (const target of [...groups, host.pid]) trySignal(target, name);
  };
  return {
    pause: () => signal("SIGSTOP"),
    async resume() {
      signal("SIGCONT");
      await sleep(settleMs);
    },
  };
}

/** A host that was paused reconnects to its plugins and scrapes anew, which takes a while. */
const settleMs = 2_000;

/** What has been replaced meanwhile is no longer ours to signal. */
function trySignal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
