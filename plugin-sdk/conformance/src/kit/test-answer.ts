import type { CandidateData, ScoreResponse } from "@outrider/protos/scorer";
import { hasBit } from "@outrider/transport";
import { RuleFailure } from "../rule.ts";
import { type Frame, toFrameText } from "./frame-text.ts";
import type { TestCall } from "./test-call.ts";

/** An answer with what it answers. */
export interface TestAnswer {
  readonly call: TestCall;
  /** Candidates that were asked about. */
  readonly count: number;
  readonly response: ScoreResponse;
  readonly frame: Frame;
}

/**
 * Numbers of an answer, one row a scorer and one a key for a producer; `NaN` = no opinion.
 * @throws {RuleFailure} for an error and for rows of another length than there are candidates.
 */
export function toRows(answer: TestAnswer): readonly Float32Array[] {
  const { response, call, count, frame } = answer;
  if (response.error !== undefined) {
    const { code, message } = response.error;
    throw new RuleFailure("an answer", `the error ${code}: ${message}`, toFrameText(frame));
  }
  const rows =
    call.instance.role === "producer"
      ? [...response.data].sort((a, b) => a.column - b.column).map((data) => toRow(data.values, data.unknown))
      : [toRow(response.scores, response.abstain)];
  const wrong = rows.find((row) => row.length !== count);
  if (wrong === undefined) return rows;
  throw new RuleFailure(`${count} numbers, one a candidate`, `${wrong.length}`, toFrameText(frame));
}

function toRow(values: CandidateData["values"], unknown: Uint8Array): Float32Array {
  return Float32Array.from(values, (value, i) => (hasBit(unknown, i) ? Number.NaN : value));
}

/** Whether two answers say the same, bit by bit. */
export function isSameAnswer(a: TestAnswer, b: TestAnswer): boolean {
  const [left, right] = [toRows(a), toRows(b)];
  return left.length === right.length && left.every((row, i) => isSameRow(row, right[i]!));
}

function isSameRow(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]));
}

/** The numbers of an answer as text, the first of them; `-` = no opinion. */
export function toRowsText(answer: TestAnswer): string {
  return toRows(answer)
    .map((row) => {
      const shown = Array.from(row.subarray(0, 12), (value) => (Number.isNaN(value) ? "-" : String(value)));
      return `[${shown.join(", ")}${row.length > 12 ? ", …" : ""}]`;
    })
    .join(" ");
}

/** @throws {RuleFailure} where an answer is not what the table asks for. */
export function expectSame(answer: TestAnswer, wanted: TestAnswer, why: string): void {
  if (isSameAnswer(answer, wanted)) return;
  throw new RuleFailure(`${toRowsText(wanted)} (${why})`, toRowsText(answer), toFrameText(answer.frame));
}

/** As {@link expectSame}, one by one. */
export function expectAllSame(answers: readonly TestAnswer[], wanted: readonly TestAnswer[], why: string): void {
  for (const [i, answer] of answers.entries()) expectSame(answer, wanted[i]!, why);
}
