import { OutriderError } from "@outrider/core/contract";

/** Answers that frames other than calls are waiting for, in the order they were asked for. */
export interface PendingReplies<T> {
  /** Waits for the next answer. @throws {OutriderError} `SCORER_DEADLINE` after `timeoutMs`; never without. */
  wait(what: string, timeoutMs?: number): Promise<T>;
  /** Settles the oldest wait; false where nobody waits. */
  settle(value: T): boolean;
  /** Fails all that wait. */
  fail(error: OutriderError): void;
}

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: OutriderError) => void;
  readonly timer: NodeJS.Timeout | undefined;
}

/** Nobody waits yet. A wait that has run out still takes its answer when that comes, so that order is kept. */
export function createPendingReplies<T>(): PendingReplies<T> {
  let waiters: Waiter<T>[] = [];
  return {
    wait(what, timeoutMs) {
      const reply = new Promise<T>((resolve, reject) => {
        const late = () => reject(new OutriderError("SCORER_DEADLINE", `no answer to ${what} within ${timeoutMs} ms`));
        const timer = timeoutMs === undefined ? undefined : setTimeout(late, timeoutMs);
        waiters.push({ resolve, reject, timer });
      });
      // Whoever asked may have failed before it could wait: that is no reason to end the process.
      reply.catch(() => {});
      return reply;
    },
    settle(value) {
      const waiter = waiters.shift();
      if (waiter === undefined) return false;
      clearTimeout(waiter.timer);
      waiter.resolve(value);
      return true;
    },
    fail(error) {
      const failed = waiters;
      waiters = [];
      for (const { reject, timer } of failed) {
        clearTimeout(timer);
        reject(error);
      }
    },
  };
}
