import type { DoneCause } from "@outrider/core";
import type { Latency, Prediction } from "./predictions.ts";

/** The end of a response. */
export interface ResponseEnd {
  readonly cause: DoneCause;
  /** HTTP status; 0 = none came. */
  readonly status: number;
  /** Decision to first piece of the body, in ms; 0 = none came. */
  readonly ttftMs: number;
  /** Decision to end, in ms. */
  readonly e2eMs: number;
  /** Tokens as the model server counted them; 0 = it did not tell. */
  readonly outputTokens: number;
}

/** What becomes of a request for which something was predicted. */
export interface PredictedRequest {
  readonly predictions: readonly Prediction[];
  /** Whether the answer was asked for as a stream: only that of one has a TPOT. */
  readonly isStreamed: boolean;
  /** Hears of each prediction and what it was about, of answers that came to their end. */
  readonly hear: (prediction: Prediction, took: Latency) => void;
}

/** Compares predictions with the response, once it is over. */
export class PredictionWatch {
  readonly #request: PredictedRequest;
  #isElsewhere = false;

  constructor(request: PredictedRequest) {
    this.#request = request;
  }

  /** Another endpoint answers than the one that the predictions are about. */
  answeredElsewhere(): void {
    this.#isElsewhere = true;
  }

  done(end: ResponseEnd): void {
    const { predictions, isStreamed, hear } = this.#request;
    const isAnswer = end.cause === "ok" && end.status < 300 && end.ttftMs > 0;
    if (!isAnswer || this.#isElsewhere) return;
    const took = { ttftMs: end.ttftMs, tpotMs: isStreamed ? toTpotMs(end) : Number.NaN };
    for (const prediction of predictions) hear(prediction, took);
  }
}

function toTpotMs({ ttftMs, e2eMs, outputTokens }: ResponseEnd): number {
  return outputTokens > 1 && e2eMs > ttftMs ? (e2eMs - ttftMs) / (outputTokens - 1) : Number.NaN;
}
