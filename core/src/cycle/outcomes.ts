import { OutriderError } from "../contract/index.ts";
import { type Ask, toUs } from "./round.ts";
import type { PlannedProducer, PluginOutcome, ProducerOutcome, ScorerOutcome, WeightedScorer } from "./types.ts";

/** Longest reason kept, in bytes of UTF-8. */
export const maxReasonBytes = 200;

const noScores = new Float32Array(0);
const noPositions: readonly number[] = [];

/**
 * What a scorer brought, its scores checked and clamped in place; its own copy where it answered later.
 * @param vetoed see {@link CycleCall.vetoed}.
 */
export function toScorerOutcome(
  { scorer, weight }: WeightedScorer,
  ask: Ask,
  written: Float32Array,
  vetoed: Uint8Array | undefined,
): ScorerOutcome {
  const { rated, clamped, isInvalid } = ask.state === "answered" ? checkScores(written) : unchecked;
  const outcome = toOutcome(ask, scorer.type, rated, isInvalid);
  const hasScores = outcome.kind === "scored";
  const mayVeto = vetoed !== undefined && scorer.mayVeto === true && (hasScores || outcome.kind === "abstained");
  return {
    ...outcome,
    weight,
    scores: hasScores ? (ask.isAsync ? written.slice() : written) : noScores,
    fallback: undefined,
    vetoed: mayVeto ? positionsOf(vetoed) : noPositions,
    clamped: hasScores ? clamped : 0,
  };
}

function positionsOf(bytes: Uint8Array): readonly number[] {
  const positions: number[] = [];
  for (let i = 0; i < bytes.length; i++) if (bytes[i] === 1) positions.push(i);
  return positions;
}

/** What a producer brought, its values checked; its own copies where it answered later. */
export function toProducerOutcome(
  { producer }: PlannedProducer,
  ask: Ask,
  written: readonly Float32Array[],
): ProducerOutcome {
  const isAnswered = ask.state === "answered";
  const known = isAnswered ? written.reduce((sum, values) => sum + countKnown(values), 0) : 0;
  const outcome = toOutcome(ask, producer.type, known, isAnswered && written.some(hasInfinity));
  if (outcome.kind !== "scored") return { ...outcome, values: [] };
  return { ...outcome, values: ask.isAsync ? written.map((values) => values.slice()) : written };
}

function toOutcome(ask: Ask, type: string, known: number, isInvalid: boolean): PluginOutcome {
  const { name, callId } = ask;
  const base = { name, type, callId, durationUs: toUs(ask.endedMs - ask.startedMs) };
  if (ask.state === "late" || ask.state === "waiting")
    return { ...base, kind: "late", reason: "no answer in its budget" };
  if (ask.error !== undefined) return { ...base, ...toFailure(ask.error) };
  if (isInvalid) {
    return { ...base, kind: "failed", error: new OutriderError("SCORES_INVALID", `${name}: Infinity is no score`) };
  }
  return { ...base, kind: known === 0 ? "abstained" : "scored", reason: toReason(ask.reason) };
}

function toFailure(error: OutriderError) {
  if (error.code === "SCORER_SHED") return { kind: "shed", reason: toReason(error.message) } as const;
  if (error.code === "SCORER_DEADLINE") return { kind: "late", reason: toReason(error.message) } as const;
  return { kind: "failed", error } as const;
}

const unchecked = { rated: 0, clamped: 0, isInvalid: false };

/** Clamps finite scores to [0, 1] in place; counts those rated, and those clamped. */
export function checkScores(scores: Float32Array): typeof unchecked {
  let rated = 0;
  let clamped = 0;
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i];
    if (score >= 0 && score <= 1) rated++;
    else if (!Number.isNaN(score)) {
      if (!Number.isFinite(score)) return { rated, clamped, isInvalid: true };
      scores[i] = score < 0 ? 0 : 1;
      rated++;
      clamped++;
    }
  }
  return { rated, clamped, isInvalid: false };
}

function countKnown(values: Float32Array): number {
  let known = 0;
  for (const value of values) if (!Number.isNaN(value)) known++;
  return known;
}

function hasInfinity(values: Float32Array): boolean {
  return values.some((value) => value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY);
}

/** A reason as it is kept: cut to {@link maxReasonBytes}, between characters. */
function toReason(reason: unknown): string {
  if (typeof reason !== "string") return "";
  if (reason.length * 3 <= maxReasonBytes) return reason;
  const bytes = Buffer.from(reason);
  if (bytes.length <= maxReasonBytes) return reason;
  let end = maxReasonBytes;
  while ((bytes[end] & 0xc0) === 0x80) end--;
  return bytes.toString("utf8", 0, end);
}
