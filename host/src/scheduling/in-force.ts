import type { Plan } from "@outrider/core";
import type { ResponsesMode } from "./observation.ts";
import type { RequestRules } from "./request-rules.ts";

/** What decisions are made by: one generation of the configuration, replaced whole between two of them. */
export interface InForce {
  /** What the cycle runs by. */
  readonly plan: Plan;
  /** What is said of requests before and beside the cycle. */
  readonly rules: RequestRules;
  /** How much of responses is observed. */
  readonly responses: ResponsesMode;
}
