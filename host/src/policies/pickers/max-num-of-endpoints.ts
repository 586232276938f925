import { z } from "zod";

/** Endpoints that a picker lists: the pick, then fallbacks; what is below 1 counts as 1, as in the reference EPP. */
export const maxNumOfEndpoints = z
  .int()
  .max(1_000)
  .default(1)
  .transform((count) => Math.max(1, count));
