import { Worker } from "node:worker_threads";
import type { ConfigResult } from "../config/load.ts";
import type { RawConfig } from "../config/source.ts";
import { threadFile } from "../thread-file.ts";

/** What {@link loadInThread} asks its thread. */
export interface LoadQuestion {
  readonly raw: RawConfig;
  /** URL of the module that exports the built-in plugin types as `plugins`. */
  readonly catalogue: string;
}

/** Longest time a configuration may take: what modules of others do at their import counts too. */
const defaultTimeoutMs = 30_000;
const heapMb = 256;
/** So little that a thread which has used up its heap is ended, and not the process: it becomes old all at once. */
const youngMb = 4;

/**
 * Checks a configuration as `loadConfig` does, in a thread that ends with the answer: parsing and checking a large one
 * takes longer than a decision may wait, and one that grows without end takes nothing along.
 * @throws {Error} where the thread ends without an answer, and says why.
 */
export async function loadInThread(question: LoadQuestion, timeoutMs = defaultTimeoutMs): Promise<ConfigResult> {
  const worker = new Worker(threadFile(new URL("./load-thread.ts", import.meta.url)), {
    workerData: question,
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: youngMb },
  });
  const { promise, resolve, reject } = Promise.withResolvers<ConfigResult>();
  const fail = (why: string) => reject(new Error(`the configuration cannot be checked: ${why}`));
  const timer = setTimeout(() => fail(`it takes longer than ${timeoutMs / 1_000} s`), timeoutMs);
  worker.once("message", resolve);
  worker.once("error", (error) => fail(error instanceof Error ? error.message : String(error)));
  worker.once("exit", (code) => fail(`its thread has ended with exit code ${code}`));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}
