import type { Plan } from "@outrider/core";
import { removedHeaders } from "./control-headers.ts";
import { type Ears, earsOf, noEars } from "./listeners.ts";
import { findPredictions, type PredictionPlace } from "./predictions.ts";
import type { Door } from "./types.ts";

/** What decisions need to know of a plan besides running it; made once a plan. */
export interface PlanView {
  readonly plan: Plan;
  /** Who may want to hear of its calls; nobody in a rehearsal. */
  readonly ears: Ears;
  readonly hasShadows: boolean;
  /** Request headers that must not go on, by door. */
  readonly removedHeaders: Readonly<Record<Door, readonly string[]>>;
  /** Where prefix matches are found in a decision; `undefined` = no producer tells of them. */
  readonly prefixMatches: { readonly producer: string; readonly position: number } | undefined;
  /** Where predictions of TTFT and TPOT are found in a decision; none = no producer predicts. */
  readonly predictions: readonly PredictionPlace[];
}

const prefixMatchKey = "data.prefix_match_blocks";

/** @param isRehearsal whether plugins are told nothing. */
export function viewPlan(plan: Plan, isRehearsal: boolean): PlanView {
  const producers = plan.waves.flat().map(({ producer }) => producer);
  const producer = producers.find(({ produces }) => produces.includes(prefixMatchKey));
  return {
    plan,
    ears: isRehearsal ? noEars : earsOf(plan),
    hasShadows: plan.profiles.some(({ scorers }) => scorers.some(({ shadow }) => shadow)),
    removedHeaders: removedHeaders(plan.handler.ownHeaders),
    prefixMatches: producer && { producer: producer.name, position: producer.produces.indexOf(prefixMatchKey) },
    predictions: isRehearsal ? [] : findPredictions(plan),
  };
}
