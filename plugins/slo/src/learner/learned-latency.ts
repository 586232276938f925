import type { EndpointChange, FeedbackEvent, ScoreCall } from "@outrider/plugin-sdk";
import { writeFeatures } from "./features.ts";
import { type Kind, KnownEndpoints, kinds } from "./known-endpoints.ts";
import { LatencyModel, noPrediction, type Prediction } from "./latency-model.ts";
import { createOpenCalls } from "./open-calls.ts";
import { RowBuffers } from "./row-buffers.ts";
import { findRow, readPrediction, row, writePrediction } from "./rows.ts";
import { type Lesson, SentRequest, type Side } from "./sent-request.ts";

/** How it learns. */
export interface LearnedLatencyOptions {
  /** Longest time that a call is remembered, in ms. */
  readonly ttlMs: number;
  /** Answers before anything is predicted. */
  readonly minSamples: number;
}

/** Memory of calls whose pick is due, and of requests whose end is due, in bytes each. */
const openBytes = 16 * 1024 * 1024;

/** A call that was answered and whose pick is due. */
interface Asked {
  readonly atMs: number;
  readonly bytes: number;
  readonly rows: Float32Array;
  readonly count: number;
  readonly isStreamed: boolean;
}

/** Predicts latencies of requests at endpoints, and learns from what becomes of them. */
export class LearnedLatency {
  readonly models: { readonly [kind in Kind]: LatencyModel } = {
    first: new LatencyModel(),
    whole: new LatencyModel(),
    gap: new LatencyModel(),
  };
  readonly endpoints: KnownEndpoints = new KnownEndpoints();
  readonly #options: LearnedLatencyOptions;
  readonly #buffers = new RowBuffers();
  readonly #asked = createOpenCalls<Asked>(openBytes, ({ rows }) => this.#buffers.giveBack(rows));
  readonly #sent = createOpenCalls<SentRequest>(openBytes, (request) => request.release(this.#nowMs));
  readonly #prediction: Prediction = { ...noPrediction };
  readonly #lesson: Lesson = {
    first: (side, ms) => this.#learn("first", side, ms, row.answer),
    whole: (side, ms) => this.#learn("whole", side, ms, row.answer),
    gap: (side, ms) => this.#learn("gap", side, ms, row.gap),
  };
  #nowMs = 0;

  constructor(options: LearnedLatencyOptions) {
    this.#options = options;
  }

  /** Answers that it has learned from, of the kind that knows most. */
  get samples(): number {
    return Math.max(...kinds.map((kind) => this.models[kind].pool.samples));
  }

  /**
   * Predicts for every candidate, and keeps what it said until it is known what became of the call.
   * @param values mean and 90th percentile of TTFT, the same of TPOT; what is not known stays as it is.
   * @returns candidates of which something is predicted.
   */
  predict(call: ScoreCall, values: readonly Float32Array[]): number {
    const { candidates, callId, nowMs } = call;
    this.#expire(nowMs);
    const { length } = candidates;
    const rows = this.#buffers.lend(length * row.size);
    const isStreamed = call.request.stream;
    const kind = isStreamed ? "first" : "whole";
    const matched = call.data.get("data.prefix_match_blocks");
    const total = call.data.get("data.prefix_total_blocks");
    const hasAnswer = this.#isReady(kind);
    const hasGap = this.#isReady("gap");
    let known = 0;
    for (let i = 0, at = 0; i < length; i++, at += row.size) {
      const prompt = uncachedTokens(call.request.promptTokens, matched[i] / total[i]);
      const endpoint = this.#describe(call, candidates[i], prompt, rows, at);
      const isKnown = endpoint !== undefined && !Number.isNaN(rows[at + row.features]);
      if (isKnown && (hasAnswer || hasGap)) known += 1;
      const answer = isKnown && hasAnswer ? this.#say(kind, endpoint.models[kind], rows, at) : noPrediction;
      writePrediction(rows, at + row.answer, answer);
      const gap = isKnown && hasGap ? this.#say("gap", endpoint.models.gap, rows, at) : noPrediction;
      writePrediction(rows, at + row.gap, gap);
      for (let k = 0; k < values.length; k++) values[k][i] = rows[at + row.answer + k];
    }
    const bytes = 4 * rows.length;
    this.#asked.put(callId, { atMs: nowMs, bytes, rows, count: length, isStreamed });
    return known;
  }

  feedback(event: FeedbackEvent): void {
    this.#nowMs = event.atMs;
    const { callId } = event;
    if (event.kind === "picked") this.#picked(event);
    if (event.kind === "progress") this.#sent.get(callId)?.progress(event, this.#lesson);
    if (event.kind !== "done") return;
    this.#forget(callId);
    this.#sent.take(callId)?.done(event, this.#lesson);
  }

  endpointsChanged(change: EndpointChange): void {
    this.endpoints.change(change);
  }

  #describe(call: ScoreCall, slot: number, prompt: number, rows: Float32Array, at: number) {
    const endpoint = this.endpoints.at(slot);
    rows[at + row.slot] = slot;
    if (endpoint === undefined) rows[at + row.features] = Number.NaN;
    else writeFeatures(call, slot, prompt, endpoint.work, rows, at + row.features);
    return endpoint;
  }

  #say(kind: Kind, own: Parameters<LatencyModel["predict"]>[0], rows: Float32Array, at: number): Prediction {
    this.models[kind].predict(own, rows, at + row.features, this.#prediction);
    return this.#prediction;
  }

  #isReady(kind: Kind): boolean {
    return this.models[kind].pool.samples >= this.#options.minSamples;
  }

  #picked({ callId, slot, picks, atMs }: Extract<FeedbackEvent, { kind: "picked" }>): void {
    const asked = this.#asked.get(callId);
    if (asked === undefined) return;
    const decode = this.#sideOf(asked, slot);
    const prefillSlot = picks.find(({ profile }) => profile === "prefill")?.slot ?? slot;
    const prefill = prefillSlot === slot ? decode : this.#sideOf(asked, prefillSlot);
    this.#forget(callId);
    if (decode === undefined || prefill === undefined) return;
    this.#sent.put(callId, new SentRequest(slot, decode, prefill, asked.isStreamed, atMs));
  }

  /** What was known of an endpoint; `undefined` where that was too little to learn from. */
  #sideOf({ rows, count }: Asked, slot: number): Side | undefined {
    const endpoint = this.endpoints.at(slot);
    const at = findRow(rows, count, slot);
    if (endpoint === undefined || at < 0 || Number.isNaN(rows[at + row.features])) return undefined;
    return { endpoint, rows: rows.slice(at, at + row.size) };
  }

  #forget(callId: number): void {
    const asked = this.#asked.take(callId);
    if (asked !== undefined) this.#buffers.giveBack(asked.rows);
  }

  #learn(kind: Kind, { endpoint, rows }: Side, ms: number, at: number): void {
    const model = this.models[kind];
    const own = endpoint.models[kind] ?? model.createEndpoint();
    endpoint.models[kind] = own;
    model.learn(own, rows, row.features, ms, readPrediction(rows, at));
  }

  #expire(nowMs: number): void {
    this.#nowMs = nowMs;
    this.#asked.expire(nowMs - this.#options.ttlMs);
    this.#sent.expire(nowMs - this.#options.ttlMs);
  }
}

/** Prompt tokens that are not cached at a candidate: at least one of a prompt, all where nobody knows the cached share. */
function uncachedTokens(promptTokens: number, cachedShare: number): number {
  const left = cachedShare > 0 ? promptTokens * (1 - Math.min(1, cachedShare)) : promptTokens;
  return Math.max(left, Math.min(promptTokens, 1));
}
