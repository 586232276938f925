import type { GuardedExit } from "../guard.ts";

/** 128 + n of a shell is signal n. */
const firstSignalCode = 128;
const notFoundCode = 127;

/** How a guarded command ended, as the rest of a sentence about it. */
export function describeExit({ code, signal }: GuardedExit): string {
  if (signal !== null) return `was ended by ${signal}`;
  if (code === notFoundCode) return "cannot be started: no such command or folder";
  if (code !== null && code > firstSignalCode) return `was ended by signal ${code - firstSignalCode}`;
  return `exited with code ${code}`;
}
