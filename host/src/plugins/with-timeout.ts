import type { CycleClock } from "@outrider/core";
import { OutriderError } from "@outrider/core/contract";

/** Settles as `work` does, or fails after `timeoutMs`. For the opening of connections, not for calls. */
export function withTimeout<T>(work: Promise<T>, timeoutMs: number, clock: CycleClock, what: string): Promise<T> {
  return new Promise((resolve, reject) => {
    const expire = () => reject(new OutriderError("SCORER_DEADLINE", `${what} within ${timeoutMs} ms`));
    const timer = clock.after(timeoutMs, expire);
    const settle = () => clock.cancel(timer);
    work.finally(settle).then(resolve, reject);
  });
}
