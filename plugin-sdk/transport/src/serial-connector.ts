import { setTimeout as delay } from "node:timers/promises";
import type { buildConnector } from "undici";

/** Pause before another attempt where the listener's queue is full, in ms. */
const retryMs = 10;

/** Attempts per connection. */
const attempts = 50;

/**
 * Opens connections one after the other: on a unix socket whose listen queue is full a connection fails at once with
 * EAGAIN, and Python's queue is five long. Such a failure is tried again shortly.
 */
export function createSerialConnector(connect: buildConnector.connector): buildConnector.connector {
  let last: Promise<void> = Promise.resolve();
  return (options, callback) => {
    last = last.then(async () => {
      const result = await connectPatiently(connect, options);
      // The caller's errors are not this queue's.
      queueMicrotask(() => callback(...result));
    });
  };
}

type Result = Parameters<buildConnector.Callback>;

async function connectPatiently(connect: buildConnector.connector, options: buildConnector.Options): Promise<Result> {
  for (let attempt = 1; ; attempt += 1) {
    const result = await new Promise<Result>((resolve) => connect(options, (...args: Result) => resolve(args)));
    const [error] = result;
    if (attempt === attempts || (error as NodeJS.ErrnoException | null)?.code !== "EAGAIN") return result;
    await delay(retryMs);
  }
}
