import type { Fault, Observation } from "../observation.ts";

/** A kind of sentence, and what has to hold where a case has one. */
export interface Property {
  /** The whole sentence; groups are its values. */
  readonly pattern: RegExp;
  readonly check: (observation: Observation, ...values: string[]) => Fault;
}
