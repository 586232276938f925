import type { Engine, EngineConfig, EngineEvent, EngineRequest, EngineStats } from "./contract.ts";
import { DecodeRun } from "./decode-run.ts";
import { Scheduler } from "./scheduler.ts";
import { createSequence, type Sequence } from "./sequence.ts";
import { createStepTime, kvCapacityTokens, type StepTime } from "./step-time.ts";

const nothing: readonly EngineEvent[] = Object.freeze([]);

/**
 * An idle engine.
 * @throws {RangeError} when the model does not fit the memory, or a limit is below 1.
 */
export function createEngine(config: EngineConfig): Engine {
  return new ModelledEngine(config);
}

class ModelledEngine implements Engine {
  readonly maxModelTokens: number;
  readonly blockSizeTokens: number;
  readonly #scheduler: Scheduler;
  readonly #stepTime: StepTime;
  readonly #sequences = new Map<number, Sequence>();
  readonly #run = new DecodeRun();
  #events: EngineEvent[] = [];
  /** When the first step of an idle engine starts. */
  #wakeMs = Number.POSITIVE_INFINITY;
  #slowdown = 1;
  #streams = 0;
  #completed = 0;
  #aborted = 0;

  constructor(config: EngineConfig) {
    const { blockSizeTokens = 16, maxRunning = 256, maxBatchTokens = 8192 } = config;
    const totalBlocks = Math.floor((config.kvTokens ?? kvCapacityTokens(config)) / blockSizeTokens);
    for (const [name, value] of Object.entries({ blockSizeTokens, maxRunning, maxBatchTokens, totalBlocks })) {
      if (!(value >= 1)) throw new RangeError(`${name} must be at least 1, not ${value}`);
    }
    this.blockSizeTokens = blockSizeTokens;
    this.maxModelTokens = Math.min(config.maxModelTokens ?? Number.POSITIVE_INFINITY, totalBlocks * blockSizeTokens);
    this.#scheduler = new Scheduler({ totalBlocks, blockSizeTokens, maxRunning, maxBatchTokens });
    this.#stepTime = createStepTime(config);
  }

  submit(request: EngineRequest, nowMs: number): "queued" | "too_long" {
    const { id, promptTokens, outputTokens } = request;
    if (!(promptTokens >= 1 && outputTokens >= 1)) {
      throw new RangeError(`request ${id}: ${promptTokens} prompt and ${outputTokens} output tokens, each must be ≥ 1`);
    }
    if (this.#sequences.has(id)) throw new RangeError(`request ${id} is not ended`);
    if (promptTokens + outputTokens > this.maxModelTokens) return "too_long";
    this.#advance(nowMs, false);
    if (this.#scheduler.hasOpenSlot) this.#run.endWithNextStep();
    if (!this.#run.active) this.#wakeMs = Math.min(this.#wakeMs, nowMs);
    const sequence = createSequence(request, nowMs);
    this.#sequences.set(id, sequence);
    this.#scheduler.waiting.push(sequence);
    if (request.stream === true) this.#streams += 1;
    return "queued";
  }

  abort(id: number, nowMs: number): boolean {
    const sequence = this.#sequences.get(id);
    if (sequence === undefined) return false;
    this.#advance(nowMs, false);
    if (!this.#sequences.has(id)) return false;
    this.#run.endWithNextStep();
    this.#forget(sequence);
    this.#aborted += 1;
    return true;
  }

  isRunning(id: number): boolean {
    const phase = this.#sequences.get(id)?.phase;
    return phase === "prefill" || phase === "decode";
  }

  tokensOf(id: number, nowMs: number): number {
    this.#advance(nowMs, false);
    const sequence = this.#sequences.get(id);
    return sequence === undefined ? 0 : this.#scheduler.generated(sequence);
  }

  nextStepAtMs(): number {
    return this.#run.active ? this.#run.endMs : this.#wakeMs;
  }

  nextTokenAtMs(): number {
    return this.#run.active ? this.#run.nextBoundaryMs : this.#wakeMs;
  }

  step(nowMs: number): readonly EngineEvent[] {
    this.#advance(nowMs, true);
    if (this.#streams > 0) for (const sequence of this.#scheduler.running) this.#tellTokens(sequence);
    if (this.#events.length === 0) return nothing;
    const events = this.#events;
    this.#events = [];
    return events;
  }

  setSlowdown(factor: number, nowMs: number): void {
    if (!(factor > 0)) throw new RangeError(`slowdown must be above 0, not ${factor}`);
    this.#advance(nowMs, false);
    this.#run.endWithNextStep();
    this.#slowdown = factor;
  }

  stats(): EngineStats {
    const { running, waiting, cache, queriedTokens, cachedTokens, generatedTokens, preemptions } = this.#scheduler;
    const usedBlocks = cache.totalBlocks - cache.freeBlocks;
    return {
      running: running.length,
      waiting: waiting.length,
      usedBlocks,
      totalBlocks: cache.totalBlocks,
      kvUsage: usedBlocks / cache.totalBlocks,
      queriedTokens,
      cachedTokens,
      generatedTokens,
      preemptions,
      completed: this.#completed,
      aborted: this.#aborted,
    };
  }

  /** Ends and starts steps up to `nowMs`; what ends exactly then waits for the call that is `inclusive`. */
  #advance(nowMs: number, inclusive: boolean): void {
    for (;;) {
      const nextMs = this.nextStepAtMs();
      if (nextMs > nowMs || (nextMs === nowMs && !inclusive) || nextMs === Number.POSITIVE_INFINITY) break;
      if (this.#run.active) this.#completeRun(nextMs);
      this.#begin(nextMs);
    }
    if (this.#run.active) this.#scheduler.advance(this.#run.advanceTo(nowMs, inclusive));
  }

  #begin(nowMs: number): void {
    const scheduler = this.#scheduler;
    this.#wakeMs = Number.POSITIVE_INFINITY;
    const steps = scheduler.schedule(nowMs);
    for (const { request } of scheduler.preempted) {
      this.#events.push({ kind: "preempted", id: request.id, atMs: nowMs });
    }
    if (scheduler.running.length === 0) return;
    const growthMs = this.#slowdown * this.#stepTime.kvTokenMs * scheduler.decoding;
    this.#run.start(nowMs, this.#slowdown * this.#stepMs(), growthMs, steps);
  }

  #stepMs(): number {
    const { decoding, contextTokens, cache, prefills } = this.#scheduler;
    const distinctTokens = contextTokens - cache.sharedTokens;
    let prefillTokens = 0;
    let attendedTokens = 0;
    for (const { chunkTokens, computedTokens } of prefills) {
      prefillTokens += chunkTokens;
      attendedTokens += chunkTokens * (computedTokens + chunkTokens / 2);
    }
    return this.#stepTime.stepMs(decoding, contextTokens, distinctTokens, prefillTokens, attendedTokens);
  }

  #completeRun(endMs: number): void {
    const scheduler = this.#scheduler;
    scheduler.advance(this.#run.finish());
    scheduler.completePrefills();
    for (const sequence of scheduler.prefills) if (sequence.phase === "decode") this.#tellFirst(sequence, endMs);
    for (let i = 0; i < scheduler.running.length; ) {
      const sequence = scheduler.running[i];
      if (scheduler.generated(sequence) === sequence.request.outputTokens) this.#complete(sequence, endMs);
      else i += 1;
    }
  }

  #tellFirst(sequence: Sequence, atMs: number): void {
    if (sequence.toldTokens > 0) return;
    sequence.firstTokenMs = atMs;
    sequence.toldTokens = 1;
    const { request, cachedTokens } = sequence;
    this.#events.push({ kind: "first_token", id: request.id, atMs, cachedTokens });
  }

  #tellTokens(sequence: Sequence, atMs = this.#run.lastBoundaryMs): void {
    const { id, stream } = sequence.request;
    const count = this.#scheduler.generated(sequence) - sequence.toldTokens;
    if (stream !== true || count === 0) return;
    sequence.toldTokens += count;
    this.#events.push({ kind: "tokens", id, atMs, count });
  }

  #complete(sequence: Sequence, doneMs: number): void {
    const { request, submittedMs, admittedMs, firstTokenMs, cachedTokens, preemptions } = sequence;
    const { id, promptTokens, outputTokens } = request;
    this.#tellTokens(sequence, doneMs);
    this.#forget(sequence);
    this.#completed += 1;
    const times = { submittedMs, admittedMs, firstTokenMs, doneMs };
    const result = { promptTokens, cachedTokens, outputTokens, ...times, preemptions };
    this.#events.push({ kind: "done", id, atMs: doneMs, result });
  }

  #forget(sequence: Sequence): void {
    this.#scheduler.remove(sequence);
    this.#sequences.delete(sequence.request.id);
    if (sequence.request.stream === true) this.#streams -= 1;
  }
}
