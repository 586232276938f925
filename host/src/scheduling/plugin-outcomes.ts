import type { DecisionRecord, PluginOutcome, ProfileRecord, ScorerOutcome } from "@outrider/core";
import { Counter, type Registry } from "prom-client";
import { createDurationHistogram, type DurationSeries } from "../metrics/duration-histogram.ts";
import { type CounterSeries, createPlainCounter } from "../metrics/plain-counter.ts";
import { noCalls, type OutcomeCounts, type OutcomeKind, registerByLabel } from "./outcome-counts.ts";
import { createShadowMetrics, type ShadowMetrics } from "./shadow-metrics.ts";

/** What is counted of plugins' parts in decisions. */
export interface OutcomeMetrics extends Pick<ShadowMetrics, "shadow"> {
  /** Counts all parts in a decision but those of shadow scorers that are not done. */
  decision(record: DecisionRecord): void;
  /** Calls of a plugin so far, those as a shadow scorer too. */
  calls(name: string): OutcomeCounts;
  /** Missing answers of a scorer that something stood in for. */
  fallbacks(name: string): number;
}

/** Children of a plugin's metrics, kept so that the request path makes none. */
interface PluginChildren {
  readonly duration: DurationSeries;
  readonly calls: Record<OutcomeKind, number>;
  readonly fallbacks: Record<NonNullable<ScorerOutcome["fallback"]>, number>;
  vetoes: number;
}

/** Registers the metrics of scorers and producers. */
export function createOutcomeMetrics(registry: Registry): OutcomeMetrics {
  const children = new Map<string, PluginChildren>();
  const shadows = createShadowMetrics(registry);
  const ignored = createPlainCounter(
    registry,
    "outrider_vetoes_ignored_total",
    "Decisions in which all candidates were vetoed, so that no veto counted.",
  ).series({});
  const of = createChildren(registry, children);
  registerCounts(registry, children);
  return {
    decision(record) {
      for (const outcome of record.producers) countCall(of(outcome.name), outcome);
      for (const profile of record.profiles) countProfile(profile, of, ignored);
      shadows.decision(record);
    },
    shadow: shadows.shadow,
    calls(name) {
      const counted = children.get(name)?.calls ?? noCalls;
      const beside = shadows.calls(name);
      return beside === undefined ? { ...counted } : sum(counted, beside);
    },
    fallbacks(name) {
      const { last_known, neutral, inline } = children.get(name)?.fallbacks ?? noFallbacks;
      return last_known + neutral + inline;
    },
  };
}

const noFallbacks: PluginChildren["fallbacks"] = { last_known: 0, neutral: 0, inline: 0 };

function countCall({ duration, calls }: PluginChildren, { kind, durationUs }: PluginOutcome): void {
  duration.observe(durationUs / 1e6);
  calls[kind]++;
}

function countProfile(profile: ProfileRecord, of: (name: string) => PluginChildren, ignored: CounterSeries): void {
  for (const outcome of profile.scorers) {
    const counts = of(outcome.name);
    countCall(counts, outcome);
    if (outcome.fallback !== undefined) counts.fallbacks[outcome.fallback]++;
    counts.vetoes += outcome.vetoed.length;
  }
  if (profile.vetoes === "ignored") ignored.inc();
}

function createChildren(registry: Registry, children: Map<string, PluginChildren>): (name: string) => PluginChildren {
  const duration = createDurationHistogram(
    registry,
    "outrider_scorer_duration_seconds",
    "Call of a scorer or producer, to its answer or to the bell.",
  );
  return (name) => {
    const known = children.get(name);
    if (known !== undefined) return known;
    const series = duration.series({ scorer: name });
    const made = { duration: series, calls: { ...noCalls }, fallbacks: { ...noFallbacks }, vetoes: 0 };
    children.set(name, made);
    return made;
  };
}

function registerCounts(registry: Registry, children: ReadonlyMap<string, PluginChildren>): void {
  const outcomes = "Calls of scorers and producers, by outcome.";
  registerByLabel(registry, "outrider_scorer_outcomes_total", outcomes, "outcome", () =>
    [...children].map(([scorer, { calls }]) => [scorer, calls] as const),
  );
  const standIns = "Missing answers of scorers that something stood in for, by what.";
  registerByLabel(registry, "outrider_scorer_fallbacks_total", standIns, "fallback", () =>
    [...children].map(([scorer, { fallbacks }]) => [scorer, fallbacks] as const),
  );
  new Counter({
    name: "outrider_vetoes_total",
    help: "Candidates that a scorer vetoed, ignored vetoes too.",
    labelNames: ["scorer"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [scorer, { vetoes }] of children) if (vetoes > 0) this.inc({ scorer }, vetoes);
    },
  });
}

function sum(one: OutcomeCounts, other: OutcomeCounts): OutcomeCounts {
  return {
    scored: one.scored + other.scored,
    abstained: one.abstained + other.abstained,
    late: one.late + other.late,
    failed: one.failed + other.failed,
    shed: one.shed + other.shed,
  };
}
