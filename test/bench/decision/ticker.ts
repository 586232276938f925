import { parentPort, workerData } from "node:worker_threads";
import { createRandom } from "@outrider/core/contract";

/**
 * Tells its parent when the next request is due, to some 50 µs where a timer of the event loop would be 1 ms late:
 * a thread that sleeps in the kernel. Arrivals are Poisson, from a seed.
 */
const { ratePerS, seconds, startAt } = workerData as {
  ratePerS: number;
  seconds: number;
  startAt: number;
};
const random = createRandom(1);
const sleeper = new Int32Array(new SharedArrayBuffer(4));
const endAt = startAt + seconds * 1000;

let dueAt = startAt;
for (;;) {
  dueAt += (-Math.log(1 - random()) / ratePerS) * 1000;
  if (dueAt >= endAt) break;
  const waitMs = dueAt - absoluteNow();
  if (waitMs > 0) Atomics.wait(sleeper, 0, 0, waitMs);
  parentPort?.postMessage(dueAt);
}
parentPort?.postMessage(Number.NaN);

/** Monotonic clock that all threads share, in ms. */
function absoluteNow(): number {
  return performance.timeOrigin + performance.now();
}
