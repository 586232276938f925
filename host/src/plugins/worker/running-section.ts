import { absoluteNow } from "./messages.ts";

/** Whose code a thread runs right now, in memory that the host reads while the thread is stuck in it. */
export interface RunningSection {
  /** Memory to give to the other side. */
  readonly memory: SharedArrayBuffer;
  /** Number of the instance; 0 = none. */
  readonly instance: number;
  /** Since when, by {@link absoluteNow}. */
  readonly sinceMs: number;
  /** Runs code of an instance; what was running before counts again behind it. */
  run<T>(instance: number, code: () => T): T;
  /** Says who is about to end the thread. */
  mark(instance: number): void;
}

/** A section in fresh memory, or over that of the other side. */
export function createRunningSection(memory = new SharedArrayBuffer(16)): RunningSection {
  const owner = new Int32Array(memory, 0, 1);
  const since = new Float64Array(memory, 8, 1);
  const enter = (instance: number, sinceMs: number) => {
    since[0] = sinceMs;
    Atomics.store(owner, 0, instance);
  };
  return {
    memory,
    get instance() {
      return Atomics.load(owner, 0);
    },
    get sinceMs() {
      return since[0]!;
    },
    run(instance, code) {
      const [before, beforeMs] = [owner[0]!, since[0]!];
      enter(instance, absoluteNow());
      try {
        return code();
      } finally {
        enter(before, beforeMs);
      }
    },
    mark: (instance) => enter(instance, absoluteNow()),
  };
}
