import { vi } from "vitest";

/** Long enough for a machine that is busy with other things; no test waits for it where all is well. */
const patienceMs = 20_000;

/** Waits until a check does not throw, as `vi.waitFor` does. @throws what the check threw last. */
export function eventually<T>(check: () => T | Promise<T>, options: { readonly interval?: number } = {}): Promise<T> {
  return vi.waitFor(check, { timeout: patienceMs, ...options });
}
