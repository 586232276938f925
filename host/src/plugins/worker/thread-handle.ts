import { MessageChannel } from "node:worker_threads";
import type { CycleClock } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";
import { Piscina } from "piscina";
import { threadFile } from "../../thread-file.ts";
import { withTimeout } from "../with-timeout.ts";
import type { FromThread, ThreadStart, ToThread } from "./messages.ts";
import { createRunningSection, type RunningSection } from "./running-section.ts";

/** A thread that runs, as the host holds it. */
export interface ThreadHandle {
  /** Whose code it runs right now. */
  readonly section: Pick<RunningSection, "instance" | "heldMs">;
  /** Hands it a message; they arrive in their order. */
  post(message: ToThread): void;
  /** Settles when it has ended, with how; nothing is heard of it afterwards. */
  readonly ended: Promise<string>;
  /** Ends it, whatever it does. */
  end(): Promise<void>;
}

/** What a thread is started with. */
export interface ThreadOptions {
  /** Heap of it, in MiB. */
  readonly memoryMb: number;
  readonly clock: CycleClock;
  /** Longest start, in ms. */
  readonly startupMs: number;
  /** Takes what it says. */
  readonly heard: (message: FromThread) => void;
}

/** Of the host's environment a thread sees these. */
const inherited = ["PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR"];
/**
 * Share of a thread's heap for what is young, and the most of it in MiB: where more of it may become old at once than
 * Node gives a thread that has used up its heap, that ends the process and not the thread.
 */
const youngShare = 1 / 4;
const mostYoungMb = 16;

/**
 * Starts a thread: a pool of one, so that a plugin can be kept on it. It does not keep the process alive.
 * @throws {OutriderError} `SCORER_UNAVAILABLE`, `SCORER_DEADLINE` where it does not start.
 */
export async function startThread(options: ThreadOptions): Promise<ThreadHandle> {
  const { memoryMb, clock, startupMs, heard } = options;
  const pool = createPool(memoryMb);
  const ended = Promise.withResolvers<string>();
  pool.on("error", (cause: unknown) => ended.resolve(describe(cause, memoryMb)));
  const { port1, port2 } = new MessageChannel();
  const section = createRunningSection();
  const start: ThreadStart = { port: port2, section: section.memory };
  const opened = pool.run(start, { transferList: [port2] });
  for (const thread of pool.threads) {
    thread.once("error", (cause) => ended.resolve(describe(cause, memoryMb)));
    thread.once("exit", (code) => ended.resolve(`it ended with exit code ${code}`));
  }
  try {
    await withTimeout(opened, startupMs, clock, "did not start");
  } catch (cause) {
    port1.close();
    await pool.destroy();
    if (cause instanceof OutriderError) throw cause;
    throw new OutriderError("SCORER_UNAVAILABLE", `no thread: ${describe(cause, memoryMb)}`, { cause });
  }
  port1.on("message", heard);
  port1.unref();
  void ended.promise.then(() => port1.close());
  return {
    section,
    post: (message) => port1.postMessage(message),
    ended: ended.promise,
    async end() {
      ended.resolve("the host ended it");
      await pool.destroy();
    },
  };
}

function createPool(memoryMb: number): Piscina {
  const filename = threadFile(new URL("./thread.ts", import.meta.url));
  const maxYoungGenerationSizeMb = Math.max(1, Math.min(Math.floor(memoryMb * youngShare), mostYoungMb));
  return new Piscina({
    filename,
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: Number.POSITIVE_INFINITY,
    atomics: "disabled",
    recordTiming: false,
    env: Object.fromEntries(
      inherited.flatMap((name) => (process.env[name] === undefined ? [] : [[name, process.env[name]]])),
    ),
    resourceLimits: { maxOldGenerationSizeMb: memoryMb, maxYoungGenerationSizeMb },
  });
}

function describe(cause: unknown, memoryMb: number): string {
  if (!(cause instanceof Error)) return String(cause);
  const isMemory = "code" in cause && cause.code === "ERR_WORKER_OUT_OF_MEMORY";
  return isMemory ? `it needed more than its heap of ${memoryMb} MiB` : cause.message;
}
