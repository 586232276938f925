import type { AnswerResult } from "@outrider/transport";
import type { PendingCall } from "./served-instance.ts";

/** Calls of one instance: some run, the others wait for their turn, and none for longer than its budget. */
export interface CallQueue {
  /** Calls that run or wait. */
  readonly load: number;
  /** Runs a call now, or when its turn comes. */
  put(pending: PendingCall): void;
  /** Gives up all calls that match; one that runs goes on for nobody, and holds its place until it ends. */
  cancel(matches: (pending: PendingCall) => boolean): void;
  /** A call that took its time has ended. Returns whether it is still to be answered. */
  finish(pending: PendingCall): boolean;
}

/** What a queue works with. */
export interface CallQueueOptions {
  /** Calls that run at once. */
  readonly maxConcurrency: number;
  /** Monotonic ms. */
  readonly clock: () => number;
  /** Runs a call. Returns what settles, and never rejects, behind {@link CallQueue.finish} where it takes its time. */
  readonly run: (pending: PendingCall) => Promise<void> | undefined;
  /** Answers a call that was not run, or that nobody waits for. */
  readonly refuse: (pending: PendingCall, result: AnswerResult) => void;
}

/** Calls that wait at most; a host that keeps to its credit never has so many. */
const maxWaiting = 4_096;

const tooLate = refusal("deadline_exceeded", "its budget ran out while it waited for its turn");
const cancelled = refusal("deadline_exceeded", "it was cancelled");
const tooMany = refusal("resource_exhausted", `${maxWaiting} calls wait already`);

/** A queue without calls. */
export function createCallQueue({ maxConcurrency, clock, run, refuse }: CallQueueOptions): CallQueue {
  /** Calls that have taken longer than a turn and are not answered. */
  const running = new Set<PendingCall>();
  let waiting: PendingCall[] = [];
  let runningCount = 0;
  let timer: NodeJS.Timeout | undefined;

  const start = (pending: PendingCall) => {
    if (!pending.caller.isOpen) return;
    if (dueMs(pending) <= clock()) {
      refuse(pending, tooLate);
      return;
    }
    const ended = run(pending);
    if (ended === undefined) return;
    running.add(pending);
    runningCount += 1;
    void ended.then(() => {
      runningCount -= 1;
      startWaiting();
    });
  };
  const startWaiting = () => {
    while (runningCount < maxConcurrency) {
      const pending = waiting.shift();
      if (pending === undefined) return;
      start(pending);
    }
  };
  /** Takes calls out of those that wait and answers them. */
  const drop = (matches: (pending: PendingCall) => boolean, result: AnswerResult) => {
    const dropped = waiting.filter(matches);
    if (dropped.length === 0) return;
    waiting = waiting.filter((pending) => !matches(pending));
    for (const pending of dropped) refuse(pending, result);
  };
  /** One timer for all that wait: it looks again when the next budget ends. */
  const watch = () => {
    if (timer !== undefined || waiting.length === 0) return;
    const nextMs = waiting.reduce((least, pending) => Math.min(least, dueMs(pending)), Number.POSITIVE_INFINITY);
    if (nextMs === Number.POSITIVE_INFINITY) return;
    timer = setTimeout(expire, Math.max(1, Math.ceil(nextMs - clock())));
    timer.unref();
  };
  const expire = () => {
    timer = undefined;
    const nowMs = clock();
    drop((pending) => dueMs(pending) <= nowMs, tooLate);
    watch();
  };

  return {
    get load() {
      return runningCount + waiting.length;
    },
    put(pending) {
      if (runningCount < maxConcurrency) start(pending);
      else if (waiting.length >= maxWaiting) refuse(pending, tooMany);
      else {
        waiting.push(pending);
        watch();
      }
    },
    cancel(matches) {
      drop(matches, cancelled);
      for (const pending of running) {
        if (matches(pending) && running.delete(pending)) refuse(pending, cancelled);
      }
    },
    finish: (pending) => running.delete(pending),
  };
}

/** When a call's budget ends. */
function dueMs({ call, cameAtMs }: PendingCall): number {
  return call.budgetUs > 0 ? cameAtMs + call.budgetUs / 1000 : Number.POSITIVE_INFINITY;
}

function refusal(code: string, message: string): AnswerResult {
  return { kind: "error", error: { code, message } };
}
