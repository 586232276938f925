import { Worker } from "node:worker_threads";
import type { AnyDefinition, Need } from "@outrider/core/contract";
import { threadFile } from "../thread-file.ts";
import type { ShapeIssue } from "./shape.ts";

/** What a module's declaration says of its type, without its code. */
export interface ModuleType extends Pick<AnyDefinition, "kind" | "state"> {
  readonly needs: readonly Need[];
  /** Keys that a producer writes; none of a scorer. */
  readonly produces: readonly string[];
}

/** What a module turned out to be. */
export type ModuleDescription =
  /** `issues`: what is wrong with the parameters. */
  | { readonly kind: "found"; readonly type: ModuleType; readonly issues: readonly ShapeIssue[] }
  /** `types`: those that it declares; `names`: all that it exports. */
  | { readonly kind: "absent"; readonly types: readonly string[]; readonly names: readonly string[] }
  /** It cannot be imported, or its schema throws. */
  | { readonly kind: "broken"; readonly message: string };

/** What {@link describeModule} asks its thread. */
export interface ModuleQuestion {
  /** Absolute path of the module. */
  readonly path: string;
  readonly type: string;
  readonly parameters: unknown;
}

/** Longest wait for a module: what loops at its import must not keep the host from saying so. */
const defaultTimeoutMs = 5_000;
const heapMb = 256;
/** So little that a thread which has used up its heap is ended, and not the process: it becomes old all at once. */
const youngMb = 4;

/**
 * Looks at what a module declares, and has its schema check the parameters, in a thread that ends with the answer: it is
 * code of others, which may loop, exit or grow. What it prints is dropped.
 */
export async function describeModule(
  question: ModuleQuestion,
  timeoutMs = defaultTimeoutMs,
): Promise<ModuleDescription> {
  const thread = new Worker(threadFile(new URL("./module-thread.ts", import.meta.url)), {
    workerData: question,
    env: {},
    execArgv: [],
    stdout: true,
    stderr: true,
    resourceLimits: { maxOldGenerationSizeMb: heapMb, maxYoungGenerationSizeMb: youngMb },
  });
  const { promise, resolve } = Promise.withResolvers<ModuleDescription>();
  const broken = (message: string) => resolve({ kind: "broken", message });
  const timer = setTimeout(() => broken(`it is not loaded after ${timeoutMs / 1_000} s`), timeoutMs);
  thread.once("message", resolve);
  thread.once("error", (error) => broken(error.message.split("\n")[0]!));
  thread.once("exit", (code) => broken(`it ends its thread, with exit code ${code}`));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    await thread.terminate();
  }
}
