import type { ScoreCall } from "@outrider/plugin-sdk";
import { kinds } from "./learner/known-endpoints.ts";
import type { LearnedLatency } from "./learner/learned-latency.ts";

/** What each kind of prediction is called. */
const names = { first: "TTFT", whole: "answer", gap: "TPOT" } as const;

/** Answers between two times that the calibration is told anew. */
const retoldEvery = 50;

/**
 * Makes a function that tells why a call got the predictions it got: what is missing, else how good the models are: how
 * far off the mean is, as a share of the mean, and how many were within their 90th percentile.
 */
export function createReasons(learned: LearnedLatency, minSamples: number) {
  let text = "";
  let toldAt = 0;
  return (call: ScoreCall, known: number): string => {
    const { samples } = learned;
    if (call.request.promptTokens === 0) return "length of the prompt unknown";
    if (samples < minSamples) return `learning: ${samples} of ${minSamples} answers seen`;
    const { length } = call.candidates;
    if (known < length) return `queue, batch or KV cache unknown at ${length - known} of ${length}`;
    if (text === "" || samples >= toldAt + retoldEvery) {
      toldAt = samples;
      text = tellCalibration(learned);
    }
    return text;
  };
}

function tellCalibration({ models }: LearnedLatency): string {
  const judged = kinds.filter((kind) => models[kind].judged > 0);
  const told = judged.map((kind) => {
    const { error, covered, pool } = models[kind];
    return `${names[kind]} off by ${error.toFixed(2)}, ${covered.toFixed(2)} within p90, ${pool.samples} seen`;
  });
  return told.join("; ");
}
