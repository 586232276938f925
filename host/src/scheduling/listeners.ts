import type { DecisionRecord, FeedbackEvent, Plan, PluginOutcome, ScorerOutcome } from "@outrider/core";
import { primaryOf } from "./destinations.ts";
import type { Listener } from "./exchange.ts";

/** A plugin that may want to hear what became of its calls; whether it does, a handshake can change. */
interface Hearer {
  readonly name: string;
  readonly feedback?: ((event: FeedbackEvent) => void) | undefined;
}

/** Who may want to hear of the calls of a plan's decisions. */
export interface Ears {
  /** Plugins by name. */
  readonly plugins: ReadonlyMap<string, Hearer>;
  /** Scorers that are asked in the place of a missing answer, by the name of the scorer whose answer it is. */
  readonly standIns: ReadonlyMap<string, Hearer>;
}

/** Nobody listens. */
export const noEars: Ears = { plugins: new Map(), standIns: new Map() };

/** All plugins of a plan. */
export function earsOf(plan: Plan): Ears {
  const producers = plan.waves.flat().map(({ producer }) => producer);
  const places = plan.profiles.flatMap((profile) => profile.scorers);
  const plugins = [...producers, ...places.map(({ scorer }) => scorer)];
  return {
    plugins: new Map(plugins.map((plugin) => [plugin.name, plugin])),
    standIns: new Map(
      places.flatMap(({ scorer, onFailure, shadow }) =>
        onFailure.kind === "inline" && !shadow ? [[scorer.name, onFailure.scorer] as const] : [],
      ),
    ),
  };
}

/** Calls of a decision whose plugins want to hear of them, shadow scorers' too; shed calls were never put. */
export function listenersOf(record: DecisionRecord, ears: Ears): readonly Listener[] {
  if (ears.plugins.size === 0) return [];
  const listeners: Listener[] = [];
  const slot = record.destination[0] ?? -1;
  const add = (hearer: Hearer | undefined, callId: number, ownScore: number, fallback: boolean) => {
    if (hearer?.feedback === undefined) return;
    listeners.push({ name: hearer.name, callId, ownScore, fallback, feedback: hearer.feedback });
  };
  const addPlugin = ({ kind, name, callId }: PluginOutcome, ownScore: number, isShadow: boolean) => {
    if (kind !== "shed") add(ears.plugins.get(name), callId, ownScore, isShadow || kind !== "scored");
  };
  const addScorer = (outcome: ScorerOutcome, position: number, isShadow: boolean) => {
    const { name, kind, fallback, scores, callId } = outcome;
    const score = scores[position] ?? Number.NaN;
    addPlugin(outcome, fallback === undefined ? score : Number.NaN, isShadow);
    if (isShadow || kind === "scored" || kind === "abstained") return;
    add(ears.standIns.get(name), callId, fallback === "inline" ? score : Number.NaN, fallback !== "inline");
  };
  for (const outcome of record.producers) addPlugin(outcome, Number.NaN, false);
  for (const { candidates, scorers, shadows } of record.profiles) {
    const position = candidates.indexOf(slot);
    for (const outcome of scorers) addScorer(outcome, position, false);
    for (const outcome of shadows) addScorer(outcome, position, true);
  }
  return listeners;
}

/** Tells them where the request goes. */
export function tellPicked(
  listeners: readonly Listener[],
  made: DecisionRecord,
  pick: { readonly slot: number; readonly atMs: number; readonly promptTokens: number },
): void {
  const primary = primaryOf(made);
  const totalScore = primary?.totals[primary.candidates.indexOf(pick.slot)] ?? 0;
  const picks = made.profiles.flatMap(({ name, picked }) =>
    picked.slice(0, 1).map((peer) => ({ profile: name, slot: peer })),
  );
  for (const { callId, ownScore, fallback, feedback } of listeners) {
    feedback({ kind: "picked", callId, ...pick, totalScore, ownScore, fallback, picks });
  }
}

/** Tells them that the request goes nowhere. */
export function tellNeverSent(
  listeners: readonly Listener[],
  { atMs: startedAtMs }: DecisionRecord,
  atMs: number,
): void {
  const counts = { status: 0, promptTokens: 0, cachedTokens: 0, outputTokens: 0, ttftUs: 0 };
  const done = { kind: "done", cause: "never_sent", slot: 0, atMs, e2eMs: atMs - startedAtMs, ...counts } as const;
  for (const { callId, feedback } of listeners) feedback({ ...done, callId });
}
