import { type AnyDefinition, type ErrorCode, OutriderError, type Reason } from "@outrider/core/contract";
import type { AnswerResult, MadeInstance } from "@outrider/transport";
import type { ServedCall } from "./served-call.ts";

/** An instance with the declaration it was made from. */
export interface RunnableInstance {
  /** What it was declared as. */
  readonly definition: AnyDefinition;
  /** What was made of it. */
  readonly made: Exclude<MadeInstance, { readonly kind: "faults" }>;
  /** Number of each key of `produces`; `undefined` = the host does not want it. */
  readonly produced: readonly (number | undefined)[];
}

/** Longest message of an error, in characters. */
const messageLength = 200;

/** Evaluates a call; at once where the instance does. Whatever the instance throws is an answer, too. */
export function runCall(instance: RunnableInstance, call: ServedCall): AnswerResult | Promise<AnswerResult> {
  const { made, produced } = instance;
  const count = call.candidates.length;
  if (made.kind === "scorer") {
    const scores = unknowns(count);
    if (count === 0) return toScores(call, scores, undefined);
    return settle(
      () => made.instance.score(call, scores),
      (reason) => toScores(call, scores, reason),
    );
  }
  const values = produced.map(() => unknowns(count));
  const toValues = (reason: Reason): AnswerResult => {
    const written = produced.flatMap((column, i) =>
      column === undefined ? [] : [{ column, values: call.expand(values[i]!) }],
    );
    return { kind: "values", values: written, reason: reason ?? "" };
  };
  return count === 0 ? toValues(undefined) : settle(() => made.instance.produce(call, values), toValues);
}

function unknowns(count: number): Float32Array {
  return new Float32Array(count).fill(Number.NaN);
}

function toScores(call: ServedCall, scores: Float32Array, reason: Reason): AnswerResult {
  return { kind: "scores", scores: call.expand(scores), veto: call.vetoBitmap(), reason: reason ?? "" };
}

function settle(
  run: () => Reason | Promise<Reason>,
  toResult: (reason: Reason) => AnswerResult,
): AnswerResult | Promise<AnswerResult> {
  try {
    const reason = run();
    return reason instanceof Promise ? reason.then(toResult, toFailure) : toResult(reason);
  } catch (cause) {
    return toFailure(cause);
  }
}

const codes: Readonly<Partial<Record<ErrorCode, string>>> = {
  SCORER_UNAVAILABLE: "unavailable",
  SCORER_SHED: "resource_exhausted",
  SCORER_DEADLINE: "deadline_exceeded",
};

function toFailure(cause: unknown): AnswerResult {
  const code = (cause instanceof OutriderError && codes[cause.code]) || "internal";
  const message = cause instanceof Error ? cause.message : String(cause);
  return { kind: "error", error: { code, message: message.slice(0, messageLength) } };
}
