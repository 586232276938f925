import { OutriderError } from "@outrider/core/contract";
import type { CandidateData, ScoreResponse } from "@outrider/protos/scorer";
import { fromBitmap, hasBit } from "@outrider/transport";
import type { RecordedInstance } from "./recorded-instance.ts";

/** What a call came to, in one placement or in the recording. */
export type ReplayAnswer =
  | {
      readonly kind: "answered";
      /** One per name of {@link rowsOf}, one number per candidate; `NaN` = abstained or unknown. */
      readonly rows: readonly Float32Array[];
      /** Positions that were vetoed, ascending; empty where vetoes do not count. */
      readonly vetoed: readonly number[];
    }
  | { readonly kind: "failed"; readonly code: string; readonly message: string };

/** One thing in which two answers to a call differ. */
export interface Discrepancy {
  /** `score`, `veto`, a key of a producer, or `outcome` where one of the two is no answer. */
  readonly what: string;
  /** Position of the candidate; -1 with `outcome`. */
  readonly position: number;
  /** As people read it: a number with its bits, `abstained`, `vetoed`, or a failure. */
  readonly a: string;
  readonly b: string;
}

/** Names of the rows of an answer: the keys that a producer writes, `score` for a scorer. */
export function rowsOf({ produces }: RecordedInstance): readonly string[] {
  return produces.length > 0 ? produces : ["score"];
}

/** What a placement threw. */
export function toFailure(cause: unknown): ReplayAnswer {
  const message = cause instanceof Error ? cause.message : String(cause);
  return { kind: "failed", code: cause instanceof OutriderError ? cause.code : "SCORER_FAILED", message };
}

/** The answer that stands in the recording, to a call with so many candidates. */
export function fromResponse(response: ScoreResponse, instance: RecordedInstance, count: number): ReplayAnswer {
  const { error, scores, abstain, veto, data } = response;
  if (error !== undefined) return { kind: "failed", code: error.code, message: error.message };
  const vetoed = instance.mayVeto ? [...fromBitmap(veto)] : [];
  if (instance.produces.length > 0) {
    return { kind: "answered", rows: instance.produces.map((key) => toRow(key, data, instance, count)), vetoed };
  }
  if (scores.length !== count) {
    return { kind: "failed", code: "SCORES_INVALID", message: `${scores.length} scores for ${count} candidates` };
  }
  return { kind: "answered", rows: [Float32Array.from(scores, (score, i) => known(score, abstain, i))], vetoed };
}

function toRow(key: string, data: readonly CandidateData[], { keys }: RecordedInstance, count: number): Float32Array {
  const found = data.find(({ column }) => keys.get(column) === key);
  if (found === undefined) return new Float32Array(count).fill(Number.NaN);
  return Float32Array.from({ length: count }, (_, i) => known(found.values[i] ?? Number.NaN, found.unknown, i));
}

function known(value: number, unknown: Uint8Array, position: number): number {
  return hasBit(unknown, position) ? Number.NaN : value;
}

/**
 * Compares bit by bit; an abstention is one whatever `NaN` it is, and two failures are alike. No differences: the same
 * list each time.
 */
export function findDiscrepancies(a: ReplayAnswer, b: ReplayAnswer, rows: readonly string[]): readonly Discrepancy[] {
  if (a.kind === "failed" && b.kind === "failed") return none;
  if (a.kind === "failed" || b.kind === "failed") {
    return [{ what: "outcome", position: -1, a: describe(a), b: describe(b) }];
  }
  const numbers = rows.flatMap((what, row) => compareRow(what, a.rows[row]!, b.rows[row]!));
  const vetoes = compareVetoes(a.vetoed, b.vetoed);
  return numbers.length + vetoes.length === 0 ? none : [...numbers, ...vetoes];
}

const none: readonly Discrepancy[] = [];

function compareRow(what: string, a: Float32Array, b: Float32Array): readonly Discrepancy[] {
  let found = none;
  for (let position = 0; position < a.length; position += 1) {
    if (Object.is(a[position], b[position])) continue;
    found = [...found, { what, position, a: toText(a[position]!), b: toText(b[position]!) }];
  }
  return found;
}

function compareVetoes(a: readonly number[], b: readonly number[]): readonly Discrepancy[] {
  const positions = [...new Set([...a, ...b])].filter((position) => a.includes(position) !== b.includes(position));
  const say = (vetoed: readonly number[], position: number) => (vetoed.includes(position) ? "vetoed" : "not vetoed");
  return positions.map((position) => ({ what: "veto", position, a: say(a, position), b: say(b, position) }));
}

function describe(answer: ReplayAnswer): string {
  return answer.kind === "failed" ? `failed: ${answer.code}: ${answer.message}` : "answered";
}

const bits = new DataView(new ArrayBuffer(4));

/** A number with its 32 bits, since two that differ may look alike. */
function toText(value: number): string {
  if (Number.isNaN(value)) return "abstained";
  bits.setFloat32(0, value);
  return `${value} (0x${bits.getUint32(0).toString(16).padStart(8, "0")})`;
}
