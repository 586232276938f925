import type { EngineRequest } from "./contract.ts";

const noBlocks = new Int32Array(0);

/** A request in the engine. While it decodes, its progress follows from the scheduler's count of decode steps. */
export interface Sequence {
  /** What was submitted. */
  readonly request: EngineRequest;
  /** When. */
  readonly submittedMs: number;
  /** Where it stands. */
  phase: "waiting" | "prefill" | "decode" | "ended";
  /** KV blocks in order of the context, `blockCount` of them held; room for all it will ever hold. */
  blocks: Int32Array;
  /** Blocks held. */
  blockCount: number;
  /** Leading blocks that are findable by content. */
  publishedBlocks: number;
  /** Tokens to compute before the next token: the prompt and, after a preemption, what was generated. */
  prefillTokens: number;
  /** Of these, computed or taken from the prefix cache. */
  computedTokens: number;
  /** Tokens this step computes. */
  chunkTokens: number;
  /** Tokens generated when it last began to decode. */
  generatedAtJoin: number;
  /** Decode steps of the scheduler at that time. */
  joinStep: number;
  /** Tokens told by events. */
  toldTokens: number;
  /** Prompt tokens found in the prefix cache at the first admission. */
  cachedTokens: number;
  /** When it was first admitted; `NaN` before. */
  admittedMs: number;
  /** When its first token was ready; `NaN` before. */
  firstTokenMs: number;
  /** How often it lost its blocks. */
  preemptions: number;
  /** Neighbour in the waiting queue that is admitted sooner. */
  before: Sequence | undefined;
  /** Neighbour in the waiting queue that is admitted later. */
  behind: Sequence | undefined;
}

/** A request before its admission. */
export function createSequence(request: EngineRequest, submittedMs: number): Sequence {
  return {
    request,
    submittedMs,
    phase: "waiting",
    blocks: noBlocks,
    blockCount: 0,
    publishedBlocks: 0,
    prefillTokens: request.promptTokens,
    computedTokens: 0,
    chunkTokens: 0,
    generatedAtJoin: 0,
    joinStep: 0,
    toldTokens: 0,
    cachedTokens: 0,
    admittedMs: Number.NaN,
    firstTokenMs: Number.NaN,
    preemptions: 0,
    before: undefined,
    behind: undefined,
  };
}

/** First come, first served; a preempted request goes back to the front, and any may leave from the middle. */
export class WaitingQueue {
  #head: Sequence | undefined;
  #tail: Sequence | undefined;
  #length = 0;

  /** Requests in the queue. */
  get length(): number {
    return this.#length;
  }

  /** The one to be admitted next. */
  get head(): Sequence | undefined {
    return this.#head;
  }

  /** Adds behind all others. */
  push(sequence: Sequence): void {
    sequence.before = this.#tail;
    if (this.#tail === undefined) this.#head = sequence;
    else this.#tail.behind = sequence;
    this.#tail = sequence;
    this.#length += 1;
  }

  /** Adds before all others. */
  unshift(sequence: Sequence): void {
    sequence.behind = this.#head;
    if (this.#head === undefined) this.#tail = sequence;
    else this.#head.before = sequence;
    this.#head = sequence;
    this.#length += 1;
  }

  /** Takes out one that is in the queue. */
  remove(sequence: Sequence): void {
    if (sequence.before === undefined) this.#head = sequence.behind;
    else sequence.before.behind = sequence.behind;
    if (sequence.behind === undefined) this.#tail = sequence.before;
    else sequence.behind.before = sequence.before;
    sequence.before = undefined;
    sequence.behind = undefined;
    this.#length -= 1;
  }
}
