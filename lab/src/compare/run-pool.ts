import { type ChildProcess, fork } from "node:child_process";
import { extname } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunSummary } from "../results/index.ts";
import type { Job } from "./job.ts";

/** What a process that makes runs tells its parent. */
export type RunAnswer =
  | { readonly kind: "ready" }
  | { readonly kind: "made"; readonly summary: RunSummary }
  | { readonly kind: "failed"; readonly message: string };

/** How a run ended. */
export type JobResult =
  | { readonly kind: "made"; readonly job: Job; readonly summary: RunSummary }
  | { readonly kind: "failed"; readonly job: Job; readonly message: string };

/** What makes runs. */
export interface RunPool {
  /** URL of the module that exports the built-in plugin types as `plugins`. */
  readonly module: string;
  /** Processes at once. */
  readonly processes: number;
  /** Ends the processes at once; runs under way are lost. */
  readonly signal: AbortSignal;
}

/** What is kept of what a process writes to stderr. */
const maxErrorBytes = 4096;
const file = fileURLToPath(new URL("./run-process.ts", import.meta.url)).replace(/\.ts$/, extname(import.meta.url));

/**
 * Makes runs in processes of their own, one at a time each, and calls back as they end, in any order. A process that dies
 * costs the run that it was at.
 * @param ended what it throws ends the others too.
 */
export async function runAll(
  jobs: readonly Job[],
  { module, processes, signal }: RunPool,
  ended: (result: JobResult) => Promise<void>,
): Promise<void> {
  const waiting = jobs.values();
  const stop = new AbortController();
  const either = AbortSignal.any([signal, stop.signal]);
  const workOff = async () => {
    let runner = startRunner(module, either);
    for (const job of waiting) {
      if (either.aborted) return;
      if (runner.isLost()) runner = startRunner(module, either);
      const result = await runner.run(job);
      if (either.aborted) return;
      await ended(result);
    }
    runner.stop();
  };
  const all = Array.from({ length: Math.min(processes, jobs.length) }, () =>
    workOff().catch((cause: unknown) => {
      stop.abort();
      throw cause;
    }),
  );
  const failed = (await Promise.allSettled(all)).find((one) => one.status === "rejected");
  if (failed !== undefined) throw failed.reason;
}

/** A process that makes runs. */
function startRunner(module: string, signal: AbortSignal) {
  const child = fork(file, [module], { stdio: ["ignore", "ignore", "pipe", "ipc"], execArgv: [] });
  const errors = keepLast(child);
  let lost: string | undefined;
  let answer: (result: RunAnswer) => void = () => undefined;
  const lose = (why: string) => {
    lost ??= why;
    answer({ kind: "failed", message: lost });
  };
  child.on("message", (message: RunAnswer) => {
    if (message.kind !== "ready") answer(message);
  });
  child.on("error", (cause) => lose(`its process cannot be started: ${cause.message}`));
  child.on("close", (code, by) => lose(`its process ended by ${by ?? `exit code ${code}`}${errors()}`));
  const kill = () => child.kill("SIGKILL");
  signal.addEventListener("abort", kill, { once: true });
  if (signal.aborted) kill();

  return {
    isLost: () => lost !== undefined,
    async run(job: Job): Promise<JobResult> {
      const { promise, resolve } = Promise.withResolvers<RunAnswer>();
      answer = resolve;
      if (lost !== undefined) return { kind: "failed", job, message: lost };
      child.send(job, (cause) => {
        if (cause) lose(`its process cannot be told: ${cause.message}`);
      });
      const result = await promise;
      return result.kind === "made" ? { ...result, job } : { kind: "failed", job, message: toMessage(result) };
    },
    stop() {
      signal.removeEventListener("abort", kill);
      if (child.connected) child.disconnect();
    },
  };
}

function toMessage(answer: RunAnswer): string {
  return answer.kind === "failed" ? answer.message : answer.kind;
}

/** The end of what a process wrote to stderr. */
function keepLast(child: ChildProcess): () => string {
  let last = "";
  child.stderr?.setEncoding("utf8").on("data", (text: string) => {
    last = (last + text).slice(-maxErrorBytes);
  });
  return () => (last.trim() === "" ? "" : `; it wrote: ${last.trim()}`);
}
