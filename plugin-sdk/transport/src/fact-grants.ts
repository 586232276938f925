import type { Need } from "@outrider/core/contract";

/** What of a request an instance may see, ready for the call's encoder. Model and prompt length always. */
export interface FactGrants {
  /** Adapter asked for. */
  readonly lora: boolean;
  /** Priority of the objective. */
  readonly priority: boolean;
  /** Tenant. */
  readonly fairnessId: boolean;
  /** Key of the session. */
  readonly sessionKey: boolean;
  /** Endpoint of the client's session token. */
  readonly pinnedSlot: boolean;
  /** Name of the objective. */
  readonly objective: boolean;
  /** Output cap. */
  readonly maxOutputTokens: boolean;
  /** Whether the answer is streamed. */
  readonly stream: boolean;
  /** TTFT and TPOT targets. */
  readonly slo: boolean;
  /** Id of the request. */
  readonly requestId: boolean;
  /** Hashes of prefix blocks. */
  readonly blockHashes: boolean;
  /** Bytes of the prompt's text; 0 = none of it. */
  readonly promptTextBytes: number;
  /** Token ids; 0 = none. */
  readonly tokenIds: number;
  /** Names in lower case. */
  readonly headers: readonly string[];
}

/** Sorts what was granted by the fact that it opens. */
export function toFactGrants(granted: readonly Need[]): FactGrants {
  const needs = new Map<string, Need>(granted.map((need) => [need.key, need]));
  const limit = (key: string) => (needs.has(key) ? (needs.get(key)?.maxBytes ?? Number.POSITIVE_INFINITY) : 0);
  return {
    lora: needs.has("request.lora"),
    priority: needs.has("request.priority"),
    fairnessId: needs.has("request.fairness_id"),
    sessionKey: needs.has("request.session_key"),
    pinnedSlot: needs.has("request.pinned_slot"),
    objective: needs.has("request.objective"),
    maxOutputTokens: needs.has("request.max_output_tokens"),
    stream: needs.has("request.stream"),
    slo: needs.has("request.slo"),
    requestId: needs.has("request.id"),
    blockHashes: needs.has("request.block_hashes"),
    promptTextBytes: limit("request.prompt_text"),
    tokenIds: limit("request.token_ids"),
    headers: (needs.get("request.headers")?.names ?? []).map((name) => name.toLowerCase()),
  };
}
