import type { DecisionRecord, ProfileRecord, ScorerOutcome } from "@outrider/core";
import type { Registry } from "prom-client";
import { createDurationHistogram, type DurationSeries } from "../metrics/duration-histogram.ts";
import { noCalls, type OutcomeCounts, type OutcomeKind, registerByLabel } from "./outcome-counts.ts";

/** What is counted of shadow scorers. */
export interface ShadowMetrics {
  /** Counts those that were done with the decision. */
  decision(record: DecisionRecord): void;
  /** Counts one that was not, when it has ended. */
  shadow(record: DecisionRecord, profile: string, outcome: ScorerOutcome): void;
  /** Calls so far; `undefined` of who never was a shadow scorer. */
  calls(name: string): OutcomeCounts | undefined;
}

interface ShadowChildren {
  readonly duration: DurationSeries;
  readonly calls: Record<OutcomeKind, number>;
  readonly agreements: Record<"same" | "other", number>;
}

/** Registers the metrics of shadow scorers, apart from those of scorers that count. */
export function createShadowMetrics(registry: Registry): ShadowMetrics {
  const children = new Map<string, ShadowChildren>();
  const of = createChildren(registry, children);
  registerByLabel(registry, "outrider_shadow_outcomes_total", "Calls of shadow scorers, by outcome.", "outcome", () =>
    [...children].map(([scorer, { calls }]) => [scorer, calls] as const),
  );
  const help = "Scores of shadow scorers, by whether the pick is what they rate best.";
  registerByLabel(registry, "outrider_shadow_picks_total", help, "pick", () =>
    [...children].map(([scorer, { agreements }]) => [scorer, agreements] as const),
  );
  const count = (profile: ProfileRecord, outcome: ScorerOutcome) => {
    const { duration, calls, agreements } = of(outcome.name);
    duration.observe(outcome.durationUs / 1e6);
    calls[outcome.kind]++;
    const agrees = agreesWithPick(profile, outcome);
    if (agrees !== undefined) agreements[agrees ? "same" : "other"]++;
  };
  return {
    decision({ profiles, pendingShadows }) {
      for (const profile of profiles) {
        for (const outcome of profile.shadows) if (!pendingShadows.includes(outcome)) count(profile, outcome);
      }
    },
    shadow({ profiles }, name, outcome) {
      const profile = profiles.find((each) => each.name === name);
      if (profile !== undefined) count(profile, outcome);
    },
    calls: (name) => children.get(name)?.calls,
  };
}

function createChildren(registry: Registry, children: Map<string, ShadowChildren>): (name: string) => ShadowChildren {
  const duration = createDurationHistogram(
    registry,
    "outrider_shadow_duration_seconds",
    "Call of a shadow scorer, to its answer or to the end of its budget.",
  );
  return (name) => {
    const known = children.get(name);
    if (known !== undefined) return known;
    const series = duration.series({ scorer: name });
    const made = { duration: series, calls: { ...noCalls }, agreements: { same: 0, other: 0 } };
    children.set(name, made);
    return made;
  };
}

/** Whether no candidate has a better score than the pick; `undefined` where there is no score or no pick. */
function agreesWithPick({ candidates, picked }: ProfileRecord, { scores }: ScorerOutcome): boolean | undefined {
  if (scores.length === 0 || picked[0] === undefined) return undefined;
  const score = scores[candidates.indexOf(picked[0])] ?? Number.NaN;
  return !Number.isNaN(score) && scores.every((other) => Number.isNaN(other) || other <= score);
}
