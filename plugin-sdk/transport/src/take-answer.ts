import type { CycleCall } from "@outrider/core/contract";
import { OutriderError } from "@outrider/core/contract";
import type { DecodedAnswer } from "./answer-codec.ts";
import { hasBit } from "./bitmap.ts";
import type { WireInstance } from "./session-types.ts";

/** Where the answer to a call goes. `vetoable`: the call whose candidates the plugin may rule out; `undefined` = it may not. */
export type AnswerTarget =
  | { readonly kind: "scores"; readonly scores: Float32Array; readonly vetoable: CycleCall | undefined }
  | { readonly kind: "values"; readonly values: readonly Float32Array[] };

/** State that a call is on. */
export interface CallState {
  /** Epoch of the connection. */
  readonly epoch: number;
  /** Revision that the plugin must have at least. */
  readonly rev: number;
  /** Whether the plugin may have answered for another endpoint at a position; `undefined` = it cannot have. */
  readonly isStale: ((position: number) => boolean) | undefined;
}

/** Copies an answer to its target; what is wrong with it, and the target holds nothing then. */
export function takeAnswer(
  answer: DecodedAnswer,
  instance: WireInstance,
  target: AnswerTarget,
  { epoch, rev, isStale }: CallState,
): OutriderError | undefined {
  if (answer.epoch !== epoch || answer.rev < rev) {
    const message = `${instance.name} used state ${answer.epoch}:${answer.rev} for a call on ${epoch}:${rev}`;
    return new OutriderError("PROTOCOL_VIOLATION", message);
  }
  const fault =
    target.kind === "scores" ? answer.copyScores(target.scores) : copyValues(instance, answer, target.values);
  if (fault !== "") return new OutriderError("SCORES_INVALID", `${instance.name}: ${fault}`);
  if (isStale !== undefined) forgetStale(target.kind === "scores" ? [target.scores] : target.values, isStale);
  if (target.kind === "scores" && answer.veto.length > 0) ruleOut(target.vetoable, answer.veto, isStale);
  return undefined;
}

/** Rules out the candidates that a bitmap over positions names; bits beyond the last of them are nobody's. */
export function ruleOut(vetoable: CycleCall | undefined, veto: Uint8Array, isStale?: CallState["isStale"]): void {
  if (vetoable === undefined) return;
  const count = Math.min(vetoable.candidates.length, 8 * veto.length);
  for (let position = 0; position < count; position += 1) {
    if (hasBit(veto, position) && isStale?.(position) !== true) vetoable.veto(position);
  }
}

function forgetStale(columns: readonly Float32Array[], isStale: (position: number) => boolean): void {
  for (const values of columns) {
    for (let i = 0; i < values.length; i += 1) if (isStale(i)) values[i] = Number.NaN;
  }
}

function copyValues(instance: WireInstance, answer: DecodedAnswer, values: readonly Float32Array[]): string {
  for (const [i, key] of instance.produces.entries()) {
    const column = instance.data.find((data) => data.key === key);
    const fault = column === undefined ? "" : answer.copyValues(column.id, values[i]!);
    if (fault === "") continue;
    for (const written of values) written.fill(Number.NaN);
    return `${key}: ${fault}`;
  }
  return "";
}
