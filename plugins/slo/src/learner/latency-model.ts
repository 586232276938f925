import { EndpointModel, LinearModel } from "./linear-model.ts";
import { dot, featureCount } from "./moments.ts";

/** A prediction in the making, in ms. */
export interface Prediction {
  mean: number;
  p90: number;
}

/** Where nothing is predicted. */
export const noPrediction: Readonly<Prediction> = { mean: Number.NaN, p90: Number.NaN };

/** Share of older observations that counts with each new one, of all endpoints and of one. */
const poolKeep = 0.998;
const endpointKeep = 0.995;
/** The same of how fast an endpoint is. */
const scaleKeep = 0.95;
/** Observations for which the pool's model counts at an endpoint. */
const poolTrust = 10;
/** Observations for which the assumption counts that a feature means nothing. */
const poolRidge = 0.01;
/** How far a margin moves where it was wrong; ten times as far as where it was right. */
const marginStep = 0.04;
const firstMargin = 1.6;
const margins = { least: 0.05, most: 8 } as const;
/** Least spread of what is predicted, as a share of it. */
const leastSpread = 0.05;
/** Least prediction, as a share of the mean of all. */
const leastMean = 0.1;
/** Errors above that many spreads count less, the more so the larger. */
const outlier = 5;
/** Share of errors missed by a 90th percentile. */
const missShare = 0.1;

/** When a change is noticed: by the mean of recent errors, in spreads, and what of older observations counts then. */
const change = { follow: 0.1, at: 1.3, keep: 0.02 } as const;
/** Errors are known well enough to notice changes by after so many observations. */
const settledSamples = 100;
const calibrationSamples = 500;

const nothing = new Float64Array(featureCount);
const ridge = new Float64Array(featureCount);
const prior = new Float64Array(featureCount);

/**
 * Predicts one duration: a linear model of all endpoints, and one of each that leans towards it, scaled to how fast the
 * endpoint is. The 90th percentile lies a margin above the mean, in spreads (the error to expect, a linear model too),
 * moved with each answer so that a tenth lies above it.
 */
export class LatencyModel {
  readonly pool: LinearModel = new LinearModel();
  readonly spread: LinearModel = new LinearModel();
  /** Of an endpoint of which nothing is known. */
  margin: number = firstMargin;
  meanMs = 0;
  /** Of the recent predictions: mean error as a share of the mean, and share that was within its 90th percentile. */
  error = 0;
  covered = 0;
  judged = 0;

  /** @param own model of the endpoint; `undefined` = none yet. */
  predict(own: EndpointModel | undefined, rows: ArrayLike<number>, at: number, into: Prediction): void {
    const mean = Math.max(dot((own ?? this.pool).theta, rows, at), leastMean * this.meanMs);
    into.mean = mean;
    into.p90 = mean + (own?.margin ?? this.margin) * this.#spreadOf(own, rows, at, mean);
  }

  /**
   * Learns one duration.
   * @param predicted what was said of it; `NaN` where nothing was.
   */
  learn(own: EndpointModel, rows: ArrayLike<number>, at: number, ms: number, predicted: Prediction): void {
    const { pool } = this;
    pool.samples += 1;
    own.samples += 1;
    this.meanMs += (ms - this.meanMs) / Math.min(pool.samples, calibrationSamples);
    const poolMs = Math.max(dot(pool.theta, rows, at), leastMean * this.meanMs);
    const known = Number.isNaN(predicted.mean) ? poolMs : predicted.mean;
    const error = (ms - known) / this.#spreadOf(own, rows, at, known);
    this.#noticeChange(own, error);
    const weight = 1 / known;
    const damped = weight * Math.min(1, outlier / Math.max(Math.abs(error), outlier));
    // As long as it would have taken at an endpoint like the mean: the pool learns what all have in common.
    pool.moments.add(rows, at, ms / own.scale(this.meanMs), damped, poolKeep);
    pool.refit(nothing, this.#ridge(pool, poolRidge));
    this.#learnEndpoint(own, rows, at, ms, poolMs, damped);
    if (Number.isNaN(predicted.mean)) return;
    this.#learnSpread(own, rows, at, ms, predicted, weight);
    this.#judge(ms, predicted);
  }

  /** A model of an endpoint that was never seen. */
  createEndpoint(): EndpointModel {
    return new EndpointModel(this.margin);
  }

  #spreadOf(own: EndpointModel | undefined, rows: ArrayLike<number>, at: number, mean: number): number {
    const scale = own === undefined ? 1 : own.scale(this.meanMs);
    return Math.max(scale * dot(this.spread.theta, rows, at), leastSpread * mean);
  }

  /** Forgets nearly all where errors lean to one side for long: the model server, or what it is asked, has changed. */
  #noticeChange(own: EndpointModel, error: number): void {
    if (this.pool.samples <= settledSamples) return;
    const bounded = Math.max(-4, Math.min(4, error));
    own.drift += (bounded - own.drift) * change.follow;
    if (Math.abs(own.drift) <= change.at) return;
    own.moments.fade(change.keep);
    own.observed *= change.keep;
    own.expected *= change.keep;
    own.drift = 0;
  }

  #learnEndpoint(
    own: EndpointModel,
    rows: ArrayLike<number>,
    at: number,
    ms: number,
    poolMs: number,
    weight: number,
  ): void {
    own.observed = own.observed * scaleKeep + ms;
    own.expected = own.expected * scaleKeep + poolMs;
    const scale = own.scale(this.meanMs);
    for (let i = 0; i < featureCount; i++) prior[i] = scale * this.pool.theta[i];
    own.moments.add(rows, at, ms, weight, endpointKeep);
    own.refit(prior, this.#ridge(this.pool, poolTrust));
  }

  #learnSpread(
    own: EndpointModel,
    rows: ArrayLike<number>,
    at: number,
    ms: number,
    { mean, p90 }: Prediction,
    weight: number,
  ): void {
    const { spread } = this;
    spread.samples += 1;
    const size = Math.min(Math.abs(ms - mean), 10 * mean) / own.scale(this.meanMs);
    spread.moments.add(rows, at, size, weight, poolKeep);
    spread.refit(nothing, this.#ridge(spread, poolRidge));
    const step = Math.exp(marginStep * ((ms > p90 ? 1 : 0) - missShare));
    this.margin = Math.min(margins.most, Math.max(margins.least, this.margin * step));
    own.margin = Math.min(margins.most, Math.max(margins.least, own.margin * step));
  }

  #judge(ms: number, { mean, p90 }: Prediction): void {
    this.judged += 1;
    const follow = 1 / Math.min(this.judged, calibrationSamples);
    this.error += (Math.abs(ms - mean) / this.meanMs - this.error) * follow;
    this.covered += ((ms <= p90 ? 1 : 0) - this.covered) * follow;
  }

  /** As many observations as `strength` says, of the size that features have had. */
  #ridge({ moments, samples }: LinearModel, strength: number): Float64Array {
    const count = Math.min(Math.max(samples, 1), 1 / (1 - poolKeep));
    for (let i = 0; i < featureCount; i++) ridge[i] = (strength * (moments.square(i) + 1e-9)) / count;
    return ridge;
  }
}
