import { absoluteNow } from "./messages.ts";

/** Whose code a thread runs right now, in memory that the host reads while the thread is stuck in it. */
export interface RunningSection {
  /** Memory to give to the other side. */
  readonly memory: SharedArrayBuffer;
  /** Number of the instance; 0 = none. */
  readonly instance: number;
  /** For how long an instance has been running at `nowMs`, by {@link absoluteNow}; 0 = it does not run any more. */
  heldMs(instance: number, nowMs: number): number;
  /** Runs code of an instance; what was running before counts again behind it. */
  run<T>(instance: number, code: () => T): T;
  /** Says who is about to end the thread. */
  mark(instance: number): void;
}

/** A section in fresh memory, or over that of the other side. */
export function createRunningSection(memory = new SharedArrayBuffer(16)): RunningSection {
  const owner = new Int32Array(memory, 0, 1);
  const since = new Float64Array(memory, 8, 1);
  // Nobody owns the section while its time is written: who reads the owner before and behind the time, and finds the
  // same, has the time of that owner.
  const enter = (instance: number, sinceMs: number) => {
    Atomics.store(owner, 0, 0);
    if (instance === 0) return;
    since[0] = sinceMs;
    Atomics.store(owner, 0, instance);
  };
  return {
    memory,
    get instance() {
      return Atomics.load(owner, 0);
    },
    heldMs(instance, nowMs) {
      if (Atomics.load(owner, 0) !== instance) return 0;
      const sinceMs = since[0]!;
      return Atomics.load(owner, 0) === instance ? nowMs - sinceMs : 0;
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
