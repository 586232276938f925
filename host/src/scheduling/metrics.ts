import type { DecisionRecord, PluginOutcome } from "@outrider/core";
import { Counter, Gauge, type Registry } from "prom-client";
import { createDurationHistogram, type DurationSeries } from "../metrics/duration-histogram.ts";
import { createLabelBudget, maxLabelBytes, otherLabel } from "../metrics/labels.ts";
import { type CounterSeries, createPlainCounter } from "../metrics/plain-counter.ts";
import type { Door } from "./types.ts";

/** How a plugin's part in a decision ended. */
export type OutcomeKind = PluginOutcome["kind"];

/** What an endpoint that answered was to the decision. */
export type ServedRelation = "pick" | "fallback" | "elsewhere";

/** What the scheduling room counts. */
export interface SchedulingMetrics {
  /** A request ended, was let go or was refused, with the status its client saw; 0 = none came, unknown = not watched. */
  request(door: Door, status: number | "unknown"): void;
  /** A request was refused. */
  refusal(reason: string): void;
  /** A decision was made. */
  decision(record: DecisionRecord): void;
  /** A gateway told which endpoint answered. */
  served(relation: ServedRelation): void;
  /** A request is sent on with another model than its client named. */
  modelRewrite(): void;
  /** Calls of a plugin so far, by outcome. */
  calls(name: string): Readonly<Record<OutcomeKind, number>>;
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
    "Scheduling cycles that were run, by whether they found an endpoint.",
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
    help: "Requests sent on with another model than their client named.",
    registers,
  });
  new Gauge({
    name: "outrider_inflight_requests",
    help: "Requests sent and not yet done.",
    registers,
    collect() {
      this.set(inflight());
    },
  });
  const plugins = createPluginMetrics(registry);
  const countModel = createModelCounter(registry);
  const byDoorAndStatus = new Map<string, CounterSeries>();
  const picked = decisions.series({ result: "picked" });
  const empty = decisions.series({ result: "empty" });
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
      (record.destination.length > 0 ? picked : empty).inc();
      decisionDuration.observe(record.durationUs / 1e6);
      countModel(record.facts.model);
      for (const outcome of record.producers) plugins.outcome(outcome);
      for (const profile of record.profiles) for (const outcome of profile.scorers) plugins.outcome(outcome);
    },
    served: (relation) => byRelation[relation].inc(),
    modelRewrite: () => rewrites.inc(),
    calls: plugins.calls,
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

/** Children of a plugin's metrics, kept so that the request path makes none. */
interface PluginChildren {
  readonly duration: DurationSeries;
  readonly calls: Record<OutcomeKind, number>;
}

function createPluginMetrics(registry: Registry) {
  const registers = [registry];
  const duration = createDurationHistogram(
    registry,
    "outrider_scorer_duration_seconds",
    "Call of a scorer or producer, to its answer or to the bell.",
  );
  const children = new Map<string, PluginChildren>();
  new Counter({
    name: "outrider_scorer_outcomes_total",
    help: "Calls of scorers and producers, by outcome.",
    labelNames: ["scorer", "outcome"],
    registers,
    collect() {
      this.reset();
      for (const [scorer, { calls }] of children) {
        for (const [outcome, count] of Object.entries(calls)) this.inc({ scorer, outcome }, count);
      }
    },
  });
  const of = (name: string): PluginChildren => {
    const known = children.get(name);
    if (known !== undefined) return known;
    const made = {
      duration: duration.series({ scorer: name }),
      calls: { scored: 0, abstained: 0, late: 0, failed: 0, shed: 0 },
    };
    children.set(name, made);
    return made;
  };
  return {
    outcome({ name, kind, durationUs }: PluginOutcome) {
      const { duration, calls } = of(name);
      duration.observe(durationUs / 1e6);
      calls[kind]++;
    },
    calls: (name: string) => of(name).calls,
  };
}
