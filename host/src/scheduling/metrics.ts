import type { DecisionRecord, ScorerOutcome } from "@outrider/core";
import { Counter, Gauge, type Registry } from "prom-client";
import { createDurationHistogram } from "../metrics/duration-histogram.ts";
import { createLabelBudget, maxLabelBytes, otherLabel } from "../metrics/labels.ts";
import { type CounterSeries, createPlainCounter } from "../metrics/plain-counter.ts";
import { createOutcomeMetrics, type OutcomeMetrics } from "./plugin-outcomes.ts";
import { createPredictionMetrics, type PredictionMetrics } from "./prediction-metrics.ts";
import type { Door } from "./types.ts";

/** What an endpoint that answered was to the decision. */
export type ServedRelation = "pick" | "fallback" | "elsewhere";

/** What the scheduling room counts. */
export interface SchedulingMetrics extends Pick<OutcomeMetrics, "calls" | "fallbacks">, PredictionMetrics {
  /** A request ended, was let go or was refused, with the status its client saw; 0 = none came, unknown = not watched. */
  request(door: Door, status: number | "unknown"): void;
  /** A request was refused. */
  refusal(reason: string): void;
  /** A decision was made. */
  decision(record: DecisionRecord): void;
  /** A gateway told which endpoint answered. */
  served(relation: ServedRelation): void;
  /** A request is sent on with another model than its client named. @param rule that says so; empty = its headers do. */
  modelRewrite(rule: string): void;
  /** A shadow scorer has ended that was not done with its decision. */
  shadow(record: DecisionRecord, profile: string, outcome: ScorerOutcome): void;
}

/** @param inflight requests sent and not yet done, read at each scrape. */
export function createSchedulingMetrics(registry: Registry, inflight: () => number): SchedulingMetrics {
  const registers = [registry];
  const requests = createPlainCounter(
    registry,
    "outrider_requests_total",
    "Requests by door and HTTP status; 0 = the response never came, unknown = responses are not observed.",
  );
  const refusals = new Counter({
    name: "outrider_refusals_total",
    help: "Requests that were refused, by reason.",
    labelNames: ["reason"],
    registers,
  });
  const decisions = createPlainCounter(
    registry,
    "outrider_decisions_total",
    "Scheduling cycles that were run, by whether they found an endpoint; refused = a scorer that was needed failed.",
  );
  const decisionDuration = createDurationHistogram(
    registry,
    "outrider_decision_duration_seconds",
    "Scheduling cycle, start to pick.",
  ).series({});
  const served = createPlainCounter(
    registry,
    "outrider_served_total",
    "Responses by what their endpoint was to the decision, as far as gateways tell; elsewhere = it had not named it.",
  );
  const byRelation = {
    pick: served.series({ relation: "pick" }),
    fallback: served.series({ relation: "fallback" }),
    elsewhere: served.series({ relation: "elsewhere" }),
  } satisfies Record<ServedRelation, unknown>;
  const rewrites = new Counter({
    name: "outrider_model_rewrites_total",
    help: "Requests sent on with another model than their client named, by the rule; empty = their headers say so.",
    labelNames: ["rule"],
    registers,
  });
  new Gauge({
    name: "outrider_inflight_requests",
    help: "Requests sent and not yet done, at each endpoint that works on them.",
    registers,
    collect() {
      this.set(inflight());
    },
  });
  const plugins = createOutcomeMetrics(registry);
  const { predicted } = createPredictionMetrics(registry);
  const countModel = createModelCounter(registry);
  const byDoorAndStatus = new Map<string, CounterSeries>();
  const picked = decisions.series({ result: "picked" });
  const empty = decisions.series({ result: "empty" });
  const refused = decisions.series({ result: "refused" });
  return {
    request(door, status) {
      const key = `${door} ${status}`;
      let series = byDoorAndStatus.get(key);
      if (series === undefined) {
        series = requests.series({ door, code: String(status) });
        byDoorAndStatus.set(key, series);
      }
      series.inc();
    },
    refusal: (reason) => refusals.inc({ reason }),
    decision(record) {
      const { destination, failedBy } = record;
      (failedBy !== "" ? refused : destination.length > 0 ? picked : empty).inc();
      decisionDuration.observe(record.durationUs / 1e6);
      countModel(record.facts.model);
      plugins.decision(record);
    },
    served: (relation) => byRelation[relation].inc(),
    modelRewrite: (rule) => rewrites.inc({ rule }),
    shadow: plugins.shadow,
    predicted,
    calls: plugins.calls,
    fallbacks: plugins.fallbacks,
  };
}

/** Models that get a series of their own, as many as the reference gives one. */
const maxModels = 1000;

/** Counts decisions by a name that clients choose: cleaned, cut, and bounded in number. */
function createModelCounter(registry: Registry): (model: string) => void {
  const decisions = createPlainCounter(
    registry,
    "outrider_model_decisions_total",
    `Decisions by the model that is asked for; "${otherLabel}" behind the first ${maxModels}, empty without one.`,
  );
  const budget = createLabelBudget(maxModels);
  const byLabel = new Map<string, CounterSeries>();
  const byModel = new Map<string, CounterSeries>();
  const seriesOf = (label: string): CounterSeries => {
    const known = byLabel.get(label);
    if (known !== undefined) return known;
    const made = decisions.series({ model: label });
    byLabel.set(label, made);
    return made;
  };
  return (model) => {
    const known = byModel.get(model);
    if (known !== undefined) return known.inc();
    const series = seriesOf(budget.admit(model));
    if (byModel.size < maxModels && model.length <= maxLabelBytes) byModel.set(model, series);
    series.inc();
  };
}
