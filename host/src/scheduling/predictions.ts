import type { DecisionRecord, NeedKey, Plan } from "@outrider/core";

/** TTFT and TPOT of a request, in ms; `NaN` = unknown, but of targets 0 = none. */
export interface Latency {
  readonly ttftMs: number;
  readonly tpotMs: number;
}

/** What a producer predicts, in ms. */
export interface PredictedLatency extends Latency {
  /** 90th percentiles. */
  readonly ttftP90Ms: number;
  readonly tpotP90Ms: number;
}

/** What one producer predicted for the endpoint that a request was sent to; `NaN` = nothing. */
export interface Prediction extends PredictedLatency {
  /** Name of the producer. */
  readonly producer: string;
  readonly type: string;
  /** Call of the producer, to its answer, in µs. */
  readonly durationUs: number;
}

/** A producer that predicts, and where its predictions stand in the record of a decision. */
export interface PredictionPlace {
  readonly producer: string;
  readonly type: string;
  /** Position among the outcomes of producers. */
  readonly position: number;
  /** Position of each key among what it produces; -1 = it does not predict that. */
  readonly positions: Readonly<Record<keyof PredictedLatency, number>>;
}

const keys = {
  ttftMs: "data.predicted_ttft_ms",
  ttftP90Ms: "data.predicted_ttft_ms_p90",
  tpotMs: "data.predicted_tpot_ms",
  tpotP90Ms: "data.predicted_tpot_ms_p90",
} as const satisfies Record<keyof PredictedLatency, NeedKey>;

/** Profile whose pick computes the prompt, where there is one: its TTFT is the request's. */
const prefillProfile = "prefill";

/** Producers of a plan that predict; none in most plans. */
export function findPredictions({ waves }: Plan): readonly PredictionPlace[] {
  const producers = waves.flat().map(({ producer }) => producer);
  return producers.flatMap(({ name: producer, type, produces }, position) => {
    const at = (key: string) => produces.indexOf(key);
    const positions = {
      ttftMs: at(keys.ttftMs),
      ttftP90Ms: at(keys.ttftP90Ms),
      tpotMs: at(keys.tpotMs),
      tpotP90Ms: at(keys.tpotP90Ms),
    };
    const isPredicting = Object.values(positions).some((found) => found >= 0);
    return isPredicting ? [{ producer, type, position, positions }] : [];
  });
}

/** What was predicted for the endpoints that compute a request's prompt and its answer, by producers that answered. */
export function predictionsOf(places: readonly PredictionPlace[], made: DecisionRecord): readonly Prediction[] {
  const [decode] = made.destination;
  const prefill = made.profiles.find(({ name }) => name === prefillProfile)?.picked[0] ?? decode;
  const first = positionOf(made, prefill);
  const rest = positionOf(made, decode);
  return places.flatMap(({ producer, type, position, positions }) => {
    const outcome = made.producers[position];
    if (outcome?.kind !== "scored") return [];
    const { values, durationUs } = outcome;
    const ttftMs = toDuration(values[positions.ttftMs]?.[first]);
    const ttftP90Ms = toDuration(values[positions.ttftP90Ms]?.[first]);
    const tpotMs = toDuration(values[positions.tpotMs]?.[rest]);
    const tpotP90Ms = toDuration(values[positions.tpotP90Ms]?.[rest]);
    return [{ producer, type, durationUs, ttftMs, ttftP90Ms, tpotMs, tpotP90Ms }];
  });
}

/** What is below 0 predicts nothing. */
function toDuration(ms = Number.NaN): number {
  return ms >= 0 ? ms : Number.NaN;
}

function positionOf({ candidates }: DecisionRecord, slot: number | undefined): number {
  return slot === undefined ? -1 : candidates.indexOf(slot);
}
