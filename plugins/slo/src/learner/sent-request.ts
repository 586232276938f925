import type { FeedbackEvent } from "@outrider/plugin-sdk";
import type { KnownEndpoint } from "./known-endpoints.ts";
import { promptOf } from "./rows.ts";

/** Longest duration that is believed, in ms. */
const mostMs = 3_600_000;

/** One side of a request: an endpoint that works for it and what was known of it then. */
export interface Side {
  readonly endpoint: KnownEndpoint;
  readonly rows: Float32Array;
}

/** Told of what a request turned out to take. */
export interface Lesson {
  /** Until its first token, streamed. */
  first(side: Side, ms: number): void;
  /** Until its answer, whole. */
  whole(side: Side, ms: number): void;
  /** From token to token. */
  gap(side: Side, ms: number): void;
}

/** A request on its way: what is reported of it becomes lessons, each at most once. */
export class SentRequest {
  readonly atMs: number;
  readonly bytes: number;
  /** Endpoint that computes the prompt. */
  readonly #prefill: Side;
  /** Endpoint that answers. */
  readonly #decode: Side;
  readonly #slot: number;
  readonly #isStreamed: boolean;
  #isDue = true;
  #hasFirst = false;

  constructor(slot: number, decode: Side, prefill: Side, isStreamed: boolean, nowMs: number) {
    this.atMs = nowMs;
    this.bytes = sentBytes;
    this.#slot = slot;
    this.#decode = decode;
    this.#prefill = prefill;
    this.#isStreamed = isStreamed;
    prefill.endpoint.work.add(promptOf(prefill.rows), nowMs);
  }

  progress({ chunks, elapsedMs, atMs }: Extract<FeedbackEvent, { kind: "progress" }>, lesson: Lesson): void {
    if (chunks < 1) return;
    this.release(atMs);
    // Events are sparse: only that of the first chunk tells when it came.
    if (chunks === 1) this.#learnFirst(elapsedMs, lesson);
  }

  done(event: Extract<FeedbackEvent, { kind: "done" }>, lesson: Lesson): void {
    const { cause, status, slot, outputTokens, ttftUs, e2eMs, atMs } = event;
    this.release(atMs);
    const isAnswer = (cause === "ok" || cause === "client_cancelled") && status < 300;
    if (!isAnswer || slot !== this.#slot) return;
    const ttftMs = ttftUs / 1_000;
    this.#learnFirst(ttftMs, lesson);
    if (cause !== "ok") return;
    if (!this.#isStreamed && isDuration(e2eMs)) lesson.whole(this.#prefill, e2eMs);
    const gapMs = (e2eMs - ttftMs) / (outputTokens - 1);
    if (this.#isStreamed && ttftMs > 0 && outputTokens > 1 && isDuration(gapMs)) lesson.gap(this.#decode, gapMs);
  }

  /** Its prompt is no longer due. */
  release(nowMs: number): void {
    if (!this.#isDue) return;
    this.#isDue = false;
    this.#prefill.endpoint.work.remove(promptOf(this.#prefill.rows), nowMs);
  }

  #learnFirst(ms: number, lesson: Lesson): void {
    if (this.#hasFirst || !this.#isStreamed || !isDuration(ms)) return;
    this.#hasFirst = true;
    lesson.first(this.#prefill, ms);
  }
}

/** What a request takes that is on its way, roughly. */
const sentBytes = 400;

function isDuration(ms: number): boolean {
  return ms > 0 && ms <= mostMs;
}
