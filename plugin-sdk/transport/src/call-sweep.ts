import type { PendingCalls } from "./pending-calls.ts";

/** Between two looks for calls that are due, in ms, where no other call's frame gives rise to one. */
const lookMs = 10;

/** Finds calls whose time has run out: by one timer for all, and in passing whenever a frame is sent. */
export interface CallSweep {
  /** A frame with calls was sent at `nowMs`. */
  look(nowMs: number): void;
  stop(): void;
}

/** @param expired gets the calls that nobody waits for any more. */
export function createCallSweep(pending: PendingCalls, expired: (callIds: readonly number[]) => void): CallSweep {
  let timer: NodeJS.Timeout | undefined;
  const sweep = (nowMs: number) => {
    const callIds = pending.sweep(nowMs);
    if (callIds.length > 0) expired(callIds);
  };
  const arm = () => {
    if (timer === undefined && pending.waiting > 0) timer = setTimeout(tick, lookMs);
  };
  const tick = () => {
    timer = undefined;
    sweep(performance.now());
    arm();
  };
  return {
    look(nowMs) {
      sweep(nowMs);
      arm();
    },
    stop: () => clearTimeout(timer),
  };
}
