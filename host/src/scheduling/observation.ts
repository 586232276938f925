import type { EventNeeds } from "./event-needs.ts";
import type { Observation } from "./types.ts";

/** `responses:` of a configuration; `auto` = everything where something needs it, else nothing. */
export type ResponsesMode = Observation | "auto";

/**
 * How much of responses is worth showing.
 * @param events what of them plugins were granted.
 * @param readsInflight whether some plugin reads the in-flight columns, which are exact only where responses are seen.
 */
export function toObservation(mode: ResponsesMode, events: EventNeeds, readsInflight: boolean): Observation {
  if (mode !== "auto") return mode;
  const isHeard = events.progress || events.usage || events.headers.length > 0;
  return isHeard || readsInflight ? "full" : "none";
}
