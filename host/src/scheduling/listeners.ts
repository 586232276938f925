import type { DecisionRecord, FeedbackEvent, Plan, PluginOutcome } from "@outrider/core";
import type { Listener } from "./exchange.ts";

/** A plugin that may want to hear what became of its calls; whether it does, a handshake can change. */
interface Hearer {
  readonly feedback?: ((event: FeedbackEvent) => void) | undefined;
}

/** Plugins of a plan by name. */
export type Ears = ReadonlyMap<string, Hearer>;

/** All plugins of a plan. */
export function earsOf(plan: Plan): Ears {
  const producers = plan.waves.flat().map(({ producer }) => producer);
  const scorers = plan.profiles.flatMap((profile) => profile.scorers.map(({ scorer }) => scorer));
  return new Map([...producers, ...scorers].map((plugin) => [plugin.name, plugin]));
}

/** Calls of a decision whose plugins want to hear of them; shed calls were never put. */
export function listenersOf(record: DecisionRecord, ears: Ears): readonly Listener[] {
  if (ears.size === 0) return [];
  const listeners: Listener[] = [];
  const slot = record.destination[0] ?? -1;
  const add = (outcome: PluginOutcome, ownScore: number) => {
    const feedback = ears.get(outcome.name)?.feedback;
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
