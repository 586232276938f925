import { setTimeout as sleep } from "node:timers/promises";

/**
 * Waits until `read` gives what is wanted, reading every 50 ms.
 * @throws {Error} after `timeoutMs`, with the last value read.
 */
export async function until<T>(
  read: () => T | Promise<T>,
  isWanted: (value: T) => boolean,
  timeoutMs = 10_000,
): Promise<T> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    const value = await read();
    if (isWanted(value)) return value;
    if (Date.now() > deadline)
      throw new Error(`waited ${timeoutMs} ms in vain; the last value: ${JSON.stringify(value)}`);
    await sleep(50);
  }
}
