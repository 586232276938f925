/** One after the other, in the order in which they were asked for; one that fails stops nothing. */
export interface ChangeQueue {
  /** @returns what the job returns. @throws what it throws; {@link QueueFullError} where too many wait. */
  add<T>(job: () => Promise<T>): Promise<T>;
}

/** Too many changes wait for the one that is under way. */
export class QueueFullError extends Error {
  constructor() {
    super("too many changes wait already: ask again when they have ended");
    this.name = "QueueFullError";
  }
}

/** Changes that may wait: far more than people make, and few enough to be through in a while. */
const maxWaiting = 16;

/** An empty queue. */
export function createChangeQueue(): ChangeQueue {
  let last: Promise<unknown> = Promise.resolve();
  let waiting = 0;
  return {
    add(job) {
      if (waiting >= maxWaiting) return Promise.reject(new QueueFullError());
      waiting += 1;
      const start = () => {
        waiting -= 1;
        return job();
      };
      const done = last.then(start, start);
      last = done.catch(() => undefined);
      return done;
    },
  };
}
