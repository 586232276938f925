import type { ObservedRequest } from "../../scheduling/observer.ts";
import type { Latency, Prediction } from "../../scheduling/predictions.ts";
import { otherLabel } from "../labels.ts";
import { predictionFamilies } from "./prediction-families.ts";
import { LatencySeries } from "./prediction-series.ts";
import type { FamilyPlace } from "./register-family.ts";
import { type ClientLabels, maxLabelSets } from "./request-labels.ts";
import { createBuckets, createCounts } from "./stored-family.ts";

/** What is counted of one producer's predictions for one model. */
interface ModelSeries {
  readonly ttft: LatencySeries;
  readonly tpot: LatencySeries;
}

/** Observes what was predicted, beside what requests took and what they asked for. */
export class PredictedLatencies {
  readonly #clients: ClientLabels;
  readonly #make: (labels: readonly string[]) => ModelSeries;
  readonly #series = new Map<string, ModelSeries>();

  constructor(place: FamilyPlace, clients: ClientLabels) {
    const { ttft, tpot, ttftCall, tpotCall, violations, latest } = predictionFamilies;
    const shared = { violations: createCounts(place, violations), latest: createCounts(place, latest) };
    const ofTtft = { ...shared, predicted: createBuckets(place, ttft), call: createBuckets(place, ttftCall) };
    const ofTpot = { ...shared, predicted: createBuckets(place, tpot), call: createBuckets(place, tpotCall) };
    this.#clients = clients;
    this.#make = (labels) => ({
      ttft: new LatencySeries(ofTtft, labels, "ttft"),
      tpot: new LatencySeries(ofTpot, labels, "tpot"),
    });
  }

  observe(request: ObservedRequest, prediction: Prediction, took: Latency, targets: Latency): void {
    const { ttft, tpot } = this.#of(request, prediction);
    const callS = prediction.durationUs / 1e6;
    ttft.observe(prediction.ttftMs / 1_000, callS, took.ttftMs / 1_000, targets.ttftMs / 1_000);
    tpot.observe(prediction.tpotMs / 1_000, callS, took.tpotMs / 1_000, targets.tpotMs / 1_000);
  }

  #of({ model, targetModel }: ObservedRequest, { producer, type }: Prediction): ModelSeries {
    const own = [producer, type, this.#clients.model(model), this.#clients.model(targetModel)];
    const known = this.#series.get(own.join("\0"));
    if (known !== undefined) return known;
    const labels = this.#series.size < maxLabelSets ? own : [producer, type, otherLabel, otherLabel];
    const key = labels.join("\0");
    const series = this.#series.get(key) ?? this.#make(labels);
    this.#series.set(key, series);
    return series;
  }
}
