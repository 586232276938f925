import type { EventNeeds } from "./event-needs.ts";
import type { Observation } from "./types.ts";

/** `responses:` of a configuration; `auto` = everything where something needs it, else nothing. */
export type ResponsesMode = Observation | "auto";

/**
 * How much of responses is worth showing.
 * @param events what of them plugins were granted.
 * @param isRead whether something else depends on them: the in-flight columns are exact only where responses are seen,
 *   the gateway may be told of usage, and metrics of requests are made from them.
 */
export function toObservation(mode: ResponsesMode, events: EventNeeds, isRead: boolean): Observation {
  if (mode !== "auto") return mode;
  const isHeard = events.progress || events.usage || events.headers.length > 0;
  return isHeard || isRead ? "full" : "none";
}
