/** A request of a workload as its client sends it: lengths and the identity of its content, no text. */
export interface LabRequest {
  /** Model that is asked for; a LoRA adapter's name where it asks for one. */
  readonly model: string;
  /** Tokens of the prompt, at least 1. */
  readonly promptTokens: number;
  /** Tokens of the answer, at least 1: what the model would generate until it stops. */
  readonly outputTokens: number;
  /** Output cap that the client sets, in tokens, which routers are told; absent = none. */
  readonly maxOutputTokens?: number;
  /**
   * Content key per full block of {@link keyBlockTokens} tokens from the start of the prompt, each standing for its block
   * *and all before it*: whole numbers in [0, 2^53). May reach into the answer, whose blocks the next turn begins with.
   */
  readonly blockKeys: Float64Array;
  /** Key that requests of one session share; empty = none. */
  readonly sessionKey: string;
  /** Further request headers, names in lower case: objectives, targets, agents. */
  readonly headers: Readonly<Record<string, string>>;
  /** TTFT target in ms; 0 = none. Sent as a header too. */
  readonly sloTtftMs: number;
  /** TPOT target in ms; 0 = none. */
  readonly sloTpotMs: number;
  /** Part of the workload that it belongs to; results are told by it. */
  readonly part: string;
  /** When its client gives up by itself, in ms behind sending; 0 = it does not. */
  readonly abortAfterMs: number;
  /** What its client sends behind the answer, if it got one; absent = nothing. Asked at most once. */
  readonly next?: () => { readonly afterMs: number; readonly request: LabRequest };
}

/** A request and when it is sent. */
export interface Arrival {
  /** Virtual ms from the start, never below the one before. */
  readonly atMs: number;
  readonly request: LabRequest;
}

/** Requests in the order of their arrival, made or read when they are wanted: none is kept. */
export interface Workload {
  /**
   * From the beginning; the same each time.
   * @param seed 32 bits; recorded workloads do not depend on it.
   * @throws {OutriderError} `SCENARIO_INVALID` for a row that cannot be read, with its line, while it runs.
   */
  open(seed: number): AsyncIterable<readonly Arrival[]>;
}

/** Tokens of the blocks that content keys stand for: vLLM's own. */
export const keyBlockTokens = 16;
