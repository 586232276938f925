import { z } from "zod";
import { formatDuration, parseDurationMs, parseSizeBytes } from "./units.ts";

/** Longest budget, in ms. */
export const longestBudgetMs = 60_000;

const mib = 2 ** 20;
/** What Node needs to start a thread at all, and what a thread of a host has no business with. */
const heapMb = { least: 16, most: 16_384 };

/** A time as Go writes it, above 0 and up to a minute; becomes ms. */
export const duration = z.string().transform((text, context) => {
  const ms = parseDurationMs(text);
  if (ms !== undefined && ms > 0 && ms <= longestBudgetMs) return ms;
  const error = `must be a time above 0 and up to ${formatDuration(longestBudgetMs)}, with its unit, such as 5ms`;
  context.addIssue({ code: "custom", message: error });
  return z.NEVER;
});

/** A heap, with its unit; becomes whole MiB. */
export const heap = z.string().transform((text, context) => {
  const megabytes = Math.floor((parseSizeBytes(text) ?? 0) / mib);
  if (megabytes >= heapMb.least && megabytes <= heapMb.most) return megabytes;
  const error = `must be ${heapMb.least}MiB to ${heapMb.most / 1024}GiB, with its unit, such as 256MiB`;
  context.addIssue({ code: "custom", message: error });
  return z.NEVER;
});

/** Names something in messages, logs and metric labels. */
export const name = z
  .string()
  .min(1, "must not be empty")
  .max(128, "must be at most 128 characters long")
  .regex(/^[^\p{C}]*$/u, "must not hold control characters");

/** Names an entry of `plugins:`. */
export const pluginRef = z.strictObject({
  /** Name of a plugin. */
  pluginRef: z.string(),
});
