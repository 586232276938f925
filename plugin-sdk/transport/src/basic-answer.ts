import { type CycleCall, OutriderError } from "@outrider/core/contract";
import { hasBit } from "./bitmap.ts";
import { fromRpcFailure, RpcFailure } from "./rpc-failure.ts";

const noBytes = new Uint8Array(0);

/** A checked answer of the basic profile. */
export interface BasicAnswer {
  /** Per endpoint of the request, `NaN` = abstained. */
  readonly scores: readonly number[];
  /** Bitmap over endpoints of the request: to be ruled out. */
  readonly veto: Uint8Array;
  /** Why; empty = not told. */
  readonly reason: string;
  /** By the plugin's own clock; 0 = not told. */
  readonly pluginUs: number;
}

/**
 * Reads a `ScoreResponse` in JSON.
 * @param count endpoints in the request.
 * @throws {OutriderError} `PROTOCOL_VIOLATION` for what is no answer to this call, `SCORES_INVALID` for wrong numbers,
 *   and what the plugin's own `error` stands for.
 */
export function readBasicAnswer(json: string, callId: number, count: number, subject: string): BasicAnswer {
  const answer = parseObject(json, subject);
  if (isObject(answer.error)) throw fromRpcFailure(toFailure(answer.error), subject);
  if (answer.callId !== undefined && answer.callId !== callId) {
    throw violation(subject, `an answer to call ${JSON.stringify(answer.callId)} instead of ${callId}`);
  }
  const { scores = [], abstain = "", veto = "", reason = "", pluginUs = 0 } = answer;
  if (!Array.isArray(scores) || typeof abstain !== "string") throw violation(subject, "scores that are no list");
  if (scores.length !== count) throw invalid(subject, `${scores.length} scores for ${count} candidates`);
  const abstained = Buffer.from(abstain, "base64");
  return {
    scores: scores.map((score: unknown, i) => (hasBit(abstained, i) ? Number.NaN : checkScore(score, i, subject))),
    veto: typeof veto === "string" ? Buffer.from(veto, "base64") : noBytes,
    reason: typeof reason === "string" ? reason : "",
    pluginUs: typeof pluginUs === "number" ? pluginUs : 0,
  };
}

/**
 * Copies an answer to where it is wanted.
 * @param positions candidate of each endpoint of the request.
 * @param vetoable the call whose candidates the plugin may rule out; `undefined` = it may not.
 */
export function takeBasicAnswer(
  answer: BasicAnswer,
  positions: readonly number[],
  scores: Float32Array,
  vetoable: CycleCall | undefined,
): void {
  positions.forEach((position, i) => {
    scores[position] = answer.scores[i]!;
    if (hasBit(answer.veto, i)) vetoable?.veto(position);
  });
}

/** What a refusal says: a Connect error where the body is one, otherwise what the HTTP status stands for. */
export function readRefusal(status: number, json: string, fallback: string): RpcFailure {
  try {
    const error: unknown = JSON.parse(json);
    if (isObject(error) && typeof error.code === "string") return toFailure(error);
  } catch {
    // Not Connect's form: the status has to do.
  }
  return new RpcFailure(fallback, `HTTP ${status}`);
}

function toFailure(error: Record<string, unknown>): RpcFailure {
  const { code = "unknown", message = "", retryAfterMs = 0 } = error;
  return new RpcFailure(String(code), String(message), typeof retryAfterMs === "number" ? retryAfterMs : 0);
}

function parseObject(json: string, subject: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw violation(subject, "an answer that is no JSON", { cause });
  }
  if (isObject(value)) return value;
  throw violation(subject, "an answer that is no JSON object");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkScore(score: unknown, i: number, subject: string): number {
  if (typeof score === "number" && Number.isFinite(Math.fround(score))) return score;
  throw invalid(subject, `the number for candidate ${i} is ${JSON.stringify(score)}`);
}

function violation(subject: string, what: string, options?: ErrorOptions): OutriderError {
  return new OutriderError("PROTOCOL_VIOLATION", `${subject}: ${what}`, options);
}

function invalid(subject: string, what: string): OutriderError {
  return new OutriderError("SCORES_INVALID", `${subject}: ${what}`);
}
