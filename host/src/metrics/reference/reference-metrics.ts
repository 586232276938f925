import type { DecisionRecord } from "@outrider/core";
import type { Registry } from "prom-client";
import type { HostConfig } from "../../config/types.ts";
import type { InForce } from "../../scheduling/in-force.ts";
import type { ObservedRequest, ObservedResponse, RequestObserver } from "../../scheduling/observer.ts";
import type { Latency, Prediction } from "../../scheduling/predictions.ts";
import type { Refusal } from "../../scheduling/types.ts";
import type { BucketCounts } from "../bucket-counts.ts";
import { Attempts } from "./attempts.ts";
import { PluginDurations } from "./plugin-durations.ts";
import { PredictedLatencies } from "./predicted-latencies.ts";
import { PrefixHits } from "./prefix-hits.ts";
import type { FamilyPlace } from "./register-family.ts";
import { type ClientLabels, createClientLabels, RequestLabels } from "./request-labels.ts";
import { createRequestStore, RequestSeries } from "./request-series.ts";
import { RewriteDecisions } from "./rewrite-decisions.ts";
import { schedulerFamilies } from "./scheduler-families.ts";
import { registerScraped } from "./scraped-metrics.ts";
import type { ScrapedParts } from "./scraped-values.ts";
import { StageDecisions } from "./stage-decisions.ts";
import { createBuckets } from "./stored-family.ts";
import { createTurns } from "./turns.ts";

/** What metrics under the reference EPP's names are made of. */
export interface ReferenceParts extends Omit<ScrapedParts, "rules"> {
  readonly registry: Registry;
  readonly inForce: () => InForce;
  /** What the configuration says of requests: its models keep their names, however many others there are. */
  readonly requests: () => Pick<HostConfig["requests"], "modelRewrites">;
}

/**
 * Registers all families, and returns who has to hear of requests. While the configuration says `referenceMetrics: false`
 * nobody is told and the families have no samples; counts go on where they were when it says otherwise again.
 */
export function createReferenceMetrics(parts: ReferenceParts): RequestObserver {
  const { registry, inForce, requests } = parts;
  const place: FamilyPlace = { registry, isOn: () => inForce().rules.referenceMetrics, turns: createTurns() };
  const isConfigured = (model: string) =>
    requests().modelRewrites.some(
      ({ models, targets }) => models.includes(model) || targets.some((target) => target.model === model),
    );
  const clients = createClientLabels(isConfigured);
  registerScraped(place, { ...parts, rules: () => inForce().rules });
  return new ReferenceObserver(place, clients, inForce);
}

class ReferenceObserver implements RequestObserver {
  readonly #inForce: () => InForce;
  readonly #requests: RequestLabels<RequestSeries>;
  readonly #attempts: Attempts;
  readonly #plugins: PluginDurations;
  readonly #stages: StageDecisions;
  readonly #prefixes: PrefixHits;
  readonly #predicted: PredictedLatencies;
  readonly #rewrites: RewriteDecisions;
  readonly #decision: BucketCounts;
  readonly #requestProcessing: BucketCounts;
  readonly #responseProcessing: BucketCounts;

  constructor(place: FamilyPlace, clients: ClientLabels, inForce: () => InForce) {
    const { decision, requestProcessing, responseProcessing } = schedulerFamilies;
    const store = createRequestStore(place);
    this.#inForce = inForce;
    this.#requests = new RequestLabels(clients, (labels) => new RequestSeries(store, labels));
    this.#decision = createBuckets(place, decision).series();
    this.#attempts = new Attempts(place, clients);
    this.#plugins = new PluginDurations(place);
    this.#requestProcessing = createBuckets(place, requestProcessing).series();
    this.#responseProcessing = createBuckets(place, responseProcessing).series();
    this.#rewrites = new RewriteDecisions(place, clients);
    this.#stages = new StageDecisions(place, clients);
    this.#prefixes = new PrefixHits(place);
    this.#predicted = new PredictedLatencies(place, clients);
  }

  decided(record: DecisionRecord): void {
    const { plan } = this.#inForce();
    this.#decision.observe(record.durationUs / 1e6);
    this.#attempts.count(record);
    this.#plugins.observe(record);
    // Between the decision and now another configuration may have come, whose plan says nothing of this record.
    if (plan.generation !== record.generation) return;
    this.#stages.count(plan, record);
    this.#prefixes.observe(plan, record);
  }

  refused(request: ObservedRequest, { code }: Refusal, processingMs: number): void {
    this.#requests.of(request).refused(code);
    this.#requestProcessing.observe(processingMs / 1_000);
    this.#rewrites.count(request);
  }

  sent(request: ObservedRequest, processingMs: number): void {
    this.#requests.of(request).sent(request);
    this.#requestProcessing.observe(processingMs / 1_000);
    this.#rewrites.count(request);
  }

  firstChunk(request: ObservedRequest, ttftMs: number, isStreamed: boolean): void {
    this.#requests.of(request).first(ttftMs, isStreamed);
  }

  chunk(request: ObservedRequest, gapMs: number, isStreamed: boolean): void {
    if (isStreamed) this.#requests.of(request).gap(gapMs);
  }

  predicted(request: ObservedRequest, prediction: Prediction, took: Latency, targets: Latency): void {
    this.#predicted.observe(request, prediction, took, targets);
  }

  done(request: ObservedRequest, response: ObservedResponse): void {
    this.#requests.of(request).done(response);
    if (response.processingMs > 0) this.#responseProcessing.observe(response.processingMs / 1_000);
  }
}
