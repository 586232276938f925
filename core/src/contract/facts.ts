/**
 * What is known of a request. A plugin finds only what it was granted; everything else is at its default. Values are
 * computed when first read, and not at all where no configured plugin needs them.
 */
export interface RequestFacts {
  /** Model that is asked of the model server: the client's, or what it is rewritten to; empty = none (GET). */
  readonly model: string;
  /** LoRA adapter asked for; empty = none. */
  readonly lora: string;
  /** Priority of the objective; 0 by default, negative = sheddable. */
  readonly priority: number;
  /** Objective the request is served under; empty = none. */
  readonly objective: string;
  /** Tenant the request is accounted to; empty = none. */
  readonly fairnessId: string;
  /** Key that requests of one session share, at most 256 characters; empty = none. */
  readonly sessionKey: string;
  /** Candidate that the session is pinned to, by the client's token or what the host remembers; -1 = none. */
  readonly pinnedSlot: number;
  /** Tokens of the prompt; estimated as ⌈bytes ÷ 4⌉ where nobody tokenises; 0 = none, or not shown to the host. */
  readonly promptTokens: number;
  /** Text of the prompt, at most as many bytes as granted; empty when not granted. */
  readonly promptText: string;
  /** Token ids of the prompt; empty when nobody tokenises or not granted. */
  readonly tokenIds: Uint32Array;
  /** Chained 64-bit hashes of the full prefix blocks, two words each, low word first; empty when not granted. */
  readonly blockHashes: Uint32Array;
  /** Tokens in one block of {@link blockHashes}; 0 when not granted. */
  readonly blockSizeTokens: number;
  /** Granted request headers, names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** Output cap the client set, in tokens; 0 = none. */
  readonly maxOutputTokens: number;
  /** Whether the answer is streamed. */
  readonly stream: boolean;
  /** Id of the request; empty when not granted. */
  readonly requestId: string;
  /** TTFT target in ms; 0 = none. */
  readonly sloTtftMs: number;
  /** TPOT target in ms; 0 = none. */
  readonly sloTpotMs: number;
}
