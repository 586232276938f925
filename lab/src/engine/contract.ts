import type { EngineShape } from "./presets.ts";

/** What an engine is; everything beyond its shape has a default. */
export interface EngineConfig extends EngineShape {
  /** Size of the KV cache, in tokens; default: what the memory holds beside the weights. */
  readonly kvTokens?: number;
  /** Tokens of one KV block, the unit of the prefix cache; default 16. */
  readonly blockSizeTokens?: number;
  /** Requests that run at once; default 256. */
  readonly maxRunning?: number;
  /** Tokens computed in one step, decodes included; longer prompts are computed in chunks; default 8,192. */
  readonly maxBatchTokens?: number;
  /** Longest prompt and answer together, in tokens; default and at most: the KV cache. */
  readonly maxModelTokens?: number;
}

/** One request as the engine sees it: lengths and the identity of its content, no text. */
export interface EngineRequest {
  /** Names the request in events; unique among those not ended. */
  readonly id: number;
  /** Length of the prompt, at least 1. */
  readonly promptTokens: number;
  /** Length of the answer, at least 1. */
  readonly outputTokens: number;
  /**
   * Content key per full block from the start of the prompt: whole numbers in [0, 2^53), each standing for its block
   * *and all before it*. Blocks beyond the keys are never shared. May reach into the answer, whose blocks are then
   * found by the next turn of the conversation.
   */
  readonly blockKeys: Float64Array;
  /**
   * Leading tokens of the prompt whose KV blocks another engine has computed and handed over: they take no time here,
   * the last token of the prompt always does. Lost with a preemption. Default 0.
   */
  readonly transferredTokens?: number;
  /** Whether `tokens` events are wanted between the first token and the end; default false. */
  readonly stream?: boolean;
}

/** How one request went. Times are the engine's clock. */
export interface RequestResult {
  /** Length of the prompt. */
  readonly promptTokens: number;
  /** Prompt tokens found in the prefix cache when the request was first admitted. */
  readonly cachedTokens: number;
  /** Tokens generated. */
  readonly outputTokens: number;
  /** When it was submitted. */
  readonly submittedMs: number;
  /** When it was first admitted to the running batch. */
  readonly admittedMs: number;
  /** When its first token was ready. */
  readonly firstTokenMs: number;
  /** When its last token was ready. */
  readonly doneMs: number;
  /** How often it lost its blocks and was computed again. */
  readonly preemptions: number;
}

/**
 * What happened to a request, at the end of the step in which it happened; a first token comes with the prompt tokens that
 * were found in the prefix cache.
 */
export type EngineEvent = {
  /** The request. */
  readonly id: number;
  /** When, on the engine's clock. */
  readonly atMs: number;
} & (
  | { readonly kind: "first_token"; readonly cachedTokens: number }
  /** Further tokens of a streamed request since its last event; `atMs` is that of the last. */
  | { readonly kind: "tokens"; readonly count: number }
  /** It lost its blocks to an older request and waits to be computed again; tokens it gave stay given. */
  | { readonly kind: "preempted" }
  | { readonly kind: "done"; readonly result: RequestResult }
);

/** Counters and gauges of an engine, as of the last call that passed it the time. */
export interface EngineStats {
  /** Requests in the running batch. */
  readonly running: number;
  /** Requests queued behind it. */
  readonly waiting: number;
  /** KV blocks that requests use. */
  readonly usedBlocks: number;
  /** KV blocks in all. */
  readonly totalBlocks: number;
  /** Share of the blocks in use, in [0, 1]. */
  readonly kvUsage: number;
  /** Prompt tokens looked up in the prefix cache since the start, those of each request once. */
  readonly queriedTokens: number;
  /** Of these, tokens found. */
  readonly cachedTokens: number;
  /** Tokens generated since the start. */
  readonly generatedTokens: number;
  /** Requests that lost their blocks since the start, each time counted. */
  readonly preemptions: number;
  /** Requests ended by their last token. */
  readonly completed: number;
  /** Requests ended by `abort`. */
  readonly aborted: number;
}

/**
 * The model of one model server's engine, in any time: it reads no clock, and the times passed to it never go back.
 * Between calls it costs nothing; what happened meanwhile is worked out at the next call, exact to the step.
 */
export interface Engine {
  /** Longest prompt and answer together that it takes, in tokens. */
  readonly maxModelTokens: number;
  /** Tokens of one KV block. */
  readonly blockSizeTokens: number;
  /**
   * Queues a request, for the next step that starts at or after `nowMs`.
   * @returns `too_long` when it could never fit; then it is not queued.
   * @throws {RangeError} for lengths below 1 or an id that is not ended.
   */
  submit(request: EngineRequest, nowMs: number): "queued" | "too_long";
  /** Ends a request without an event and frees its slot and blocks at once; false when it is unknown or ended. */
  abort(id: number, nowMs: number): boolean;
  /** Whether a request is in the running batch, as of the last call that passed the time. */
  isRunning(id: number): boolean;
  /** Tokens that a request has generated by `nowMs`; 0 where it is unknown or ended. */
  tokensOf(id: number, nowMs: number): number;
  /** When the next event can come: the least useful time of the next `step`; `Infinity` while idle. */
  nextStepAtMs(): number;
  /** When the next step ends, be there an event or not: the time of the next token of a streamed request. */
  nextTokenAtMs(): number;
  /** Advances to `nowMs`. @returns what happened since the last call, in order of time per request. */
  step(nowMs: number): readonly EngineEvent[];
  /** Makes every step from the next on take `factor` times as long; above 0. */
  setSlowdown(factor: number, nowMs: number): void;
  /** Where it stands. */
  stats(): EngineStats;
}
