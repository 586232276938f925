import { createHash } from "node:crypto";
import type { Decision, Facts } from "@outrider/protos/record";
import type { Done } from "@outrider/protos/scorer";
import { keyBlockTokens, type LabRequest } from "../contract/index.ts";
import { recordedKey } from "./content-keys.ts";

/** A recorded request, as far as the recording tells of it. */
export interface RecordedRequest {
  readonly facts: Facts;
  readonly decision: Decision;
  /** How it ended; `undefined` where the recording does not say. */
  readonly done: Done | undefined;
}

/** Tokens of an answer where nothing is known of any. */
const unknownOutputTokens = 128;

/** Makes requests of recorded ones, one behind the other. @param model asked for in the place of the recorded ones. */
export function createRecordedRequests(part: string, model?: string): (recorded: RecordedRequest) => LabRequest {
  let answers = 0;
  let outputTokens = 0;
  const meanOutput = () => (answers === 0 ? unknownOutputTokens : Math.max(1, Math.round(outputTokens / answers)));
  return (recorded) => {
    const { decision, facts, done } = recorded;
    const known = decision.facts;
    if (done?.cause === "ok" && done.outputTokens > 0) {
      answers += 1;
      outputTokens += done.outputTokens;
    }
    const promptTokens = Math.max(1, done?.promptTokens || (known?.promptTokens ?? 0));
    const cap = known?.maxOutputTokens ?? 0;
    return {
      model: model ?? known?.model ?? "",
      promptTokens,
      outputTokens: done?.cause === "ok" && done.outputTokens > 0 ? done.outputTokens : cap || meanOutput(),
      ...(cap === 0 ? {} : { maxOutputTokens: cap }),
      blockKeys: toBlockKeys(facts, promptTokens),
      sessionKey: hashSession(known?.sessionKey ?? ""),
      headers: toHeaders(recorded),
      sloTtftMs: known?.sloTtftMs ?? 0,
      sloTpotMs: known?.sloTpotMs ?? 0,
      part,
      abortAfterMs: done?.cause === "client_cancelled" ? Math.max(1, done.e2eMs) : 0,
    };
  };
}

/**
 * Keys of 16 tokens out of hashes of larger or smaller blocks: each is made of the hash of the block that its last token
 * is in, so that two prompts share a key where they share all of that block.
 */
export function toBlockKeys({ facts }: Pick<Facts, "facts">, promptTokens: number): Float64Array {
  const { blockHashesU64le: hashes = noBytes, blockSize = 0 } = facts ?? {};
  if (blockSize === 0) return new Float64Array(0);
  const view = new DataView(hashes.buffer, hashes.byteOffset, hashes.byteLength);
  const hashed = Math.floor(hashes.byteLength / hashBytes) * blockSize;
  const keys = new Float64Array(Math.floor(Math.min(hashed, promptTokens) / keyBlockTokens));
  for (let i = 0; i < keys.length; i++) {
    const at = hashBytes * (Math.ceil(((i + 1) * keyBlockTokens) / blockSize) - 1);
    keys[i] = recordedKey(view.getUint32(at + 4, true), view.getUint32(at, true), i);
  }
  return keys;
}

const noBytes = new Uint8Array(0);
const hashBytes = 8;

/** What tells sessions apart, and not whose they are. */
function hashSession(key: string): string {
  return key === "" ? "" : createHash("sha256").update(key).digest("base64url").slice(0, 16);
}

/** Recorded headers, without those that name the session; objective and tenant go along, so that they count again. */
function toHeaders({ decision: { facts } }: RecordedRequest): Readonly<Record<string, string>> {
  const { headers = {}, sessionKey = "", objective = "", fairnessId = "" } = facts ?? {};
  const kept = Object.entries(headers).filter(([, value]) => sessionKey === "" || !value.includes(sessionKey));
  return {
    ...Object.fromEntries(kept),
    ...(objective === "" ? {} : { "x-llm-d-inference-objective": objective }),
    ...(fairnessId === "" ? {} : { "x-llm-d-inference-fairness-id": fairnessId }),
  };
}
