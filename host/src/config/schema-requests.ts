import { z } from "zod";
import { name } from "./schema-values.ts";

const largestWeight = 1_000_000;
const largestPriority = 2 ** 31 - 1;

/** Name of a model as clients write it. */
const model = z
  .string()
  .min(1, "must not be empty")
  .max(256, "must be at most 256 characters long")
  .regex(/^[^\p{Cc}\p{Cs}\ufffd]*$/u, "must be text without control characters");

/** One of `objectives:`. */
export const objectiveEntry = z.strictObject({
  /** What a request's objective header says. */
  name,
  /** Higher is more important; requests below 0 are refused when endpoints are full. */
  priority: z
    .int()
    .min(-largestPriority - 1)
    .max(largestPriority)
    .default(0),
});

/** One of a rewrite's `targets:`. */
const rewriteTargetEntry = z.strictObject({
  /** Model that is asked for instead. */
  model,
  /** Share of the requests relative to the other targets; without one it is chosen only where no target has one. */
  weight: z.number().min(0).max(largestWeight).optional(),
});

/** One of `modelRewrites:`. */
export const modelRewriteEntry = z.strictObject({
  /** Names the rule in metrics; default its first model, `*` where it has none. */
  name: name.optional(),
  /** Models of the client that it is for, exactly; default all that no other rule names. */
  models: z.array(model).default([]),
  /** Models that are asked for instead. */
  targets: z.array(rewriteTargetEntry).min(1, "must name at least one target"),
});

/** One of `objectives:`, its shape checked. */
export type ObjectiveEntry = z.output<typeof objectiveEntry>;
/** One of `modelRewrites:`, its shape checked. */
export type ModelRewriteEntry = z.output<typeof modelRewriteEntry>;
