import { KvCache } from "./kv-cache.ts";
import { type Sequence, WaitingQueue } from "./sequence.ts";

/** What bounds a batch. */
export interface SchedulerLimits {
  /** KV blocks in all. */
  readonly totalBlocks: number;
  /** Tokens of one KV block. */
  readonly blockSizeTokens: number;
  /** Requests that run at once. */
  readonly maxRunning: number;
  /** Tokens computed in one step. */
  readonly maxBatchTokens: number;
}

/**
 * vLLM V1's scheduling: running requests first, prompts in chunks of what the step's token budget leaves, then
 * admission in order of arrival as long as a whole prompt's blocks are free; who needs a block when none is left takes
 * those of the request admitted last, which is computed again later. Knows tokens and blocks, not time.
 */
export class Scheduler {
  /** The running batch, in order of admission. */
  readonly running: Sequence[] = [];
  /** Requests queued behind it. */
  readonly waiting = new WaitingQueue();
  /** Requests with a chunk of their prompt in the step at hand. */
  readonly prefills: Sequence[] = [];
  /** Requests that lost their blocks when the step at hand was put together. */
  readonly preempted: Sequence[] = [];
  /** Whose the KV blocks are. */
  readonly cache: KvCache;
  /** Requests that decode. */
  decoding = 0;
  /** Sum of their contexts. */
  contextTokens = 0;
  /** Tokens generated since the start. */
  generatedTokens = 0;
  /** Prompt tokens looked up in the prefix cache since the start. */
  queriedTokens = 0;
  /** Of these, tokens found. */
  cachedTokens = 0;
  /** Requests that lost their blocks since the start. */
  preemptions = 0;
  readonly #limits: SchedulerLimits;
  #decodeSteps = 0;

  constructor(limits: SchedulerLimits) {
    this.#limits = limits;
    this.cache = new KvCache(limits.totalBlocks, limits.blockSizeTokens);
  }

  /** Whether a request that arrives now would be looked at before all others, and could run. */
  get hasOpenSlot(): boolean {
    return this.waiting.length === 0 && this.running.length < this.#limits.maxRunning;
  }

  /** Tokens a request has generated. */
  generated(sequence: Sequence): number {
    return sequence.phase === "decode"
      ? sequence.generatedAtJoin + this.#decodeSteps - sequence.joinStep
      : sequence.generatedAtJoin;
  }

  /** Puts the next step together. @returns how many like it can follow each other before anything else can happen. */
  schedule(nowMs: number): number {
    this.prefills.length = 0;
    this.preempted.length = 0;
    let budget = this.#limits.maxBatchTokens;
    for (let i = 0; i < this.running.length; i++) {
      const sequence = this.running[i];
      if (sequence.phase === "prefill") budget -= this.#giveChunk(sequence, budget);
      else if (this.#makeRoom(sequence)) budget -= 1;
    }
    if (this.preempted.length === 0) this.#admit(budget, nowMs);
    return this.prefills.length === 0 && this.preempted.length === 0 ? this.#runLength() : 1;
  }

  /** Every decoding request is `steps` tokens further. */
  advance(steps: number): void {
    if (steps === 0 || this.decoding === 0) return;
    this.#decodeSteps += steps;
    this.contextTokens += steps * this.decoding;
    this.generatedTokens += steps * this.decoding;
    for (const sequence of this.running) {
      if (sequence.phase !== "decode") continue;
      this.cache.grow(sequence, this.#context(sequence));
      this.cache.publish(sequence, this.#context(sequence));
    }
  }

  /** The chunks of the step are computed. Those whose prompt is complete have one token more, and decode from now on. */
  completePrefills(): void {
    for (const sequence of this.prefills) {
      if (sequence.phase !== "prefill") continue;
      sequence.computedTokens += sequence.chunkTokens;
      if (sequence.computedTokens === sequence.prefillTokens) this.#beginDecode(sequence);
    }
  }

  /** Takes a request out, wherever it is, and frees what it holds. */
  remove(sequence: Sequence): void {
    const generated = this.generated(sequence);
    if (sequence.phase === "waiting") this.waiting.remove(sequence);
    else {
      this.running.splice(this.running.indexOf(sequence), 1);
      this.#stop(sequence);
    }
    sequence.generatedAtJoin = generated;
    sequence.phase = "ended";
  }

  #giveChunk(sequence: Sequence, budget: number): number {
    const chunk = Math.min(sequence.prefillTokens - sequence.computedTokens, budget);
    if (chunk === 0) return 0;
    sequence.chunkTokens = chunk;
    this.prefills.push(sequence);
    this.cache.publish(sequence, sequence.computedTokens + chunk);
    return chunk;
  }

  /** Blocks for one token more; false when the request had to give up its own. */
  #makeRoom(sequence: Sequence): boolean {
    const contextTokens = this.#context(sequence) + 1;
    while (sequence.blockCount < this.cache.blocksFor(contextTokens) && this.cache.freeBlocks === 0) {
      const victim = this.running.pop()!;
      this.#preempt(victim);
      if (victim === sequence) return false;
    }
    this.cache.grow(sequence, contextTokens);
    return true;
  }

  #preempt(sequence: Sequence): void {
    const generated = this.generated(sequence);
    this.#stop(sequence);
    sequence.generatedAtJoin = generated;
    sequence.prefillTokens = sequence.request.promptTokens + generated;
    sequence.phase = "waiting";
    sequence.preemptions += 1;
    this.preemptions += 1;
    this.preempted.push(sequence);
    this.waiting.unshift(sequence);
  }

  #admit(budget: number, nowMs: number): void {
    let left = budget;
    while (left > 0 && this.running.length < this.#limits.maxRunning) {
      const sequence = this.waiting.head;
      if (sequence === undefined || !this.cache.acquire(sequence)) return;
      this.waiting.remove(sequence);
      sequence.phase = "prefill";
      if (Number.isNaN(sequence.admittedMs)) {
        this.#countAdmission(sequence, nowMs);
        takeOver(sequence);
      }
      this.running.push(sequence);
      left -= this.#giveChunk(sequence, left);
    }
  }

  #countAdmission(sequence: Sequence, nowMs: number): void {
    sequence.admittedMs = nowMs;
    sequence.cachedTokens = sequence.computedTokens;
    this.queriedTokens += sequence.request.promptTokens;
    this.cachedTokens += sequence.computedTokens;
  }

  #beginDecode(sequence: Sequence): void {
    sequence.phase = "decode";
    sequence.generatedAtJoin += 1;
    sequence.joinStep = this.#decodeSteps;
    this.cache.beginDecode(sequence);
    this.generatedTokens += 1;
    this.decoding += 1;
    this.contextTokens += sequence.prefillTokens;
  }

  #stop(sequence: Sequence): void {
    if (sequence.phase === "decode") {
      this.decoding -= 1;
      this.contextTokens -= this.#context(sequence);
    }
    this.cache.release(sequence);
  }

  /** Steps until a request ends or blocks run out, if no request comes or goes. */
  #runLength(): number {
    let steps = Number.POSITIVE_INFINITY;
    for (const sequence of this.running) {
      steps = Math.min(steps, sequence.request.outputTokens - this.generated(sequence));
    }
    if (steps === Number.POSITIVE_INFINITY || this.#blocksToGrow(steps) <= this.cache.freeBlocks) return steps;
    let fits = 1;
    for (let tooMany = steps; tooMany - fits > 1; ) {
      const middle = (fits + tooMany) >> 1;
      if (this.#blocksToGrow(middle) <= this.cache.freeBlocks) fits = middle;
      else tooMany = middle;
    }
    return fits;
  }

  #blocksToGrow(steps: number): number {
    let blocks = 0;
    for (const sequence of this.running) {
      blocks += this.cache.blocksFor(this.#context(sequence) + steps) - sequence.blockCount;
    }
    return blocks;
  }

  /** Tokens of a decoding request in the KV cache: its last token is not, until the next step reads it. */
  #context(sequence: Sequence): number {
    return sequence.request.promptTokens + this.generated(sequence) - 1;
  }
}

/** What another engine has computed is not computed again. */
function takeOver(sequence: Sequence): void {
  const { transferredTokens = 0 } = sequence.request;
  const most = Math.min(transferredTokens, sequence.prefillTokens - 1);
  sequence.computedTokens = Math.max(sequence.computedTokens, most);
}
