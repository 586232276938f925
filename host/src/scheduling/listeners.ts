import type { DecisionRecord, FeedbackEvent, Plan, PluginOutcome } from "@outrider/core";
import type { Listener } from "./exchange.ts";

/** Plugins of a plan that hear what became of their calls, by name. */
export type Ears = ReadonlyMap<string, (event: FeedbackEvent) => void>;

/** Finds the plugins of a plan that asked for events. */
export function earsOf(plan: Plan): Ears {
  const plugins = [
    ...plan.waves.flat().map(({ producer }) => producer),
    ...plan.profiles.flatMap(({ scorers }) => scorers.map(({ scorer }) => scorer)),
  ];
  return new Map(plugins.flatMap(({ name, feedback }) => (feedback === undefined ? [] : [[name, feedback] as const])));
}

/** Calls of a decision whose plugins want to hear of them; shed calls were never put. */
export function listenersOf(record: DecisionRecord, ears: Ears): readonly Listener[] {
  if (ears.size === 0) return [];
  const listeners: Listener[] = [];
  const slot = record.destination[0] ?? -1;
  const add = (outcome: PluginOutcome, ownScore: number) => {
    const feedback = ears.get(outcome.name);
    if (feedback === undefined || outcome.kind === "shed") return;
    listeners.push({
      name: outcome.name,
      callId: outcome.callId,
      ownScore,
      fallback: outcome.kind !== "scored",
      feedback,
    });
  };
  for (const outcome of record.producers) add(outcome, Number.NaN);
  for (const { candidates, scorers } of record.profiles) {
    const position = candidates.indexOf(slot);
    for (const outcome of scorers) add(outcome, outcome.scores[position] ?? Number.NaN);
  }
  return listeners;
}
