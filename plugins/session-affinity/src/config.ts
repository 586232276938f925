import { z } from "zod";

/** `parameters:` of a `session-affinity` scorer. */
export const sessionAffinityConfig = z.strictObject({
  /** Endpoints that a session prefers, in an order of its own: the first scores 1, each further one half as much. */
  choices: z.int().min(1).max(16).default(4),
});
