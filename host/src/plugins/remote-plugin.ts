import type { CycleCall, CycleClock } from "@outrider/core";
import { type FeedbackEvent, OutriderError, type Reason } from "@outrider/core/contract";
import { rpcCodeOf } from "@outrider/transport";
import { type CallEnd, Ejection } from "./ejection.ts";
import { OpenCalls } from "./open-calls.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { LinkedPlugin } from "./plugin-link.ts";
import type { PluginTiming } from "./plugin-timing.ts";
import { ShadowCall } from "./shadow-call.ts";

/** What a plugin behind a connection is made of. */
export interface RemotePluginOptions {
  readonly entry: PluginEntry;
  readonly clock: CycleClock;
  readonly timing: PluginTiming;
  /** In [0, 1). */
  readonly random: () => number;
  /** Budget of a decision, in ms. */
  readonly decisionBudgetMs: number;
  /** Keys that a producer of its type writes, where that is known before it has said so itself. */
  readonly produces: readonly string[];
  /** Takes the events that the plugin is to get. */
  readonly queue: (event: FeedbackEvent) => void;
}

/** Puts a call over a connection; `T` is what the answer is written to. */
export type Ask<T> = (linked: LinkedPlugin, call: CycleCall, target: T) => Promise<Reason>;

/** Asks for scores. */
export const askScores: Ask<Float32Array> = (linked, call, scores) => linked.score(call, scores);

/** Asks a producer for its values. */
export const askValues: Ask<readonly Float32Array[]> = (linked, call, values) => linked.produce(call, values);

/** Something to write an answer to that nobody waits for. */
export function toScratch<T extends Float32Array | readonly Float32Array[]>(target: T): T {
  const scratch =
    target instanceof Float32Array
      ? new Float32Array(target.length).fill(Number.NaN)
      : target.map((values) => new Float32Array(values.length).fill(Number.NaN));
  return scratch as T;
}

/** A call that got less than this share of the plugin's budget says nothing when it is late: others used it up. */
const fairShare = 0.5;

/** One generation of a plugin behind whatever connection there is: puts calls, judges answers, lets events through. */
export class RemotePlugin {
  readonly entry: PluginEntry;
  readonly #clock: CycleClock;
  readonly #ejection: Ejection;
  readonly #fairBudgetUs: number;
  readonly #open: OpenCalls;
  #linked: LinkedPlugin | undefined;
  #produces: readonly string[];
  #mayVeto = false;

  constructor({ entry, clock, timing, random, decisionBudgetMs, produces, queue }: RemotePluginOptions) {
    this.entry = entry;
    this.#clock = clock;
    this.#produces = produces;
    this.#open = new OpenCalls(queue);
    const budgetMs = Math.min(entry.spec.budgetMs, decisionBudgetMs);
    this.#fairBudgetUs = budgetMs * 1000 * fairShare;
    const events = {
      eject: (message: string) => entry.eject(message),
      attempt: (message: string) => void entry.move("shadow", message),
      restore: () => entry.restore(),
    };
    this.#ejection = new Ejection({ timing, clock, budgetMs, random, events });
  }

  /** Keys it writes, `data.*`; empty for a scorer. */
  get produces(): readonly string[] {
    return this.#produces;
  }

  /** Whether its vetoes count. */
  get mayVeto(): boolean {
    return this.#mayVeto;
  }

  /** Whether it wants to hear what became of its calls. */
  get listens(): boolean {
    return this.#open.isKept;
  }

  /** Puts calls over a new connection. `remembers`: the plugin still knows the calls of the connection before. */
  connect(linked: LinkedPlugin, remembers: boolean): void {
    this.#linked = linked;
    if (linked.produces.length > 0) this.#produces = linked.produces;
    this.#mayVeto = linked.granted.some(({ key }) => key === "veto");
    this.#open.grant(linked.granted, remembers);
  }

  /** Calls fail at once until it is connected again. */
  disconnect(): void {
    this.#linked = undefined;
    this.#ejection.reset();
  }

  /** Throws at once what no connection has to be asked for: most of a lost plugin's calls end here. */
  put<T extends Float32Array | readonly Float32Array[]>(
    call: CycleCall,
    target: T,
    ask: Ask<T>,
  ): Reason | Promise<Reason> {
    const linked = this.#linked;
    if (linked === undefined || !this.entry.serving) {
      if (linked !== undefined) this.#probe(call, target, ask);
      throw this.entry.unavailable();
    }
    if (this.#isScored(linked, call, target)) return undefined;
    const { callId, isRehearsal = false } = call;
    const putAtMs = this.#clock.elapsedMs();
    this.entry.inFlight += 1;
    if (!isRehearsal) this.#open.add(callId);
    if (this.#isJudged(call)) this.#ejection.put(putAtMs);
    try {
      return ask(linked, call, target).then(
        (reason) => {
          this.#answered(call, putAtMs);
          return reason;
        },
        (cause) => {
          throw this.#failed(cause, call, putAtMs);
        },
      );
    } catch (cause) {
      throw this.#failed(cause, call, putAtMs);
    }
  }

  /**
   * Puts a call beside a decision: neither counted nor judged; its events come all the same.
   * @throws {OutriderError} as {@link put}, or as a rejection.
   */
  async shadow<T>(call: CycleCall, scratch: T, ask: Ask<T>): Promise<Reason> {
    const linked = this.#linked;
    if (linked === undefined) throw this.entry.unavailable();
    if (this.#isScored(linked, call, scratch)) return undefined;
    this.entry.inFlight += 1;
    this.#open.add(call.callId);
    try {
      return await ask(linked, new ShadowCall(call), scratch);
    } catch (cause) {
      if (isShed(cause)) this.#open.forget(call.callId);
      throw cause;
    } finally {
      this.entry.inFlight -= 1;
    }
  }

  /** Lets an event through to the plugin that was put the call. */
  tell(event: FeedbackEvent): void {
    this.#open.tell(event);
  }

  /** Ends, for the plugin, the calls that it hears no more of. */
  endOpen(): void {
    this.#open.endAll(this.#clock.nowMs());
  }

  /** As {@link endOpen}, one call, of which nobody is told anything. */
  endCall(callId: number): void {
    this.#open.end(callId, this.#clock.nowMs());
  }

  /** Whether what the plugin has sent of its own accord answers the call: it is not put then, and no events belong to it. */
  #isScored(linked: LinkedPlugin, call: CycleCall, target: unknown): boolean {
    try {
      return target instanceof Float32Array && linked.scoreFromTable(call, target);
    } catch (cause) {
      throw this.entry.failed(cause);
    }
  }

  #isJudged({ budgetUs, isRehearsal = false }: CycleCall): boolean {
    return !isRehearsal && budgetUs >= this.#fairBudgetUs;
  }

  #answered(call: CycleCall, putAtMs: number): void {
    const nowMs = this.#clock.elapsedMs();
    this.entry.inFlight -= 1;
    if (call.isRehearsal) return;
    this.entry.journal.took("call", (nowMs - putAtMs) * 1000, nowMs);
    const isLate = nowMs > putAtMs + call.budgetUs / 1000;
    if (isLate) this.entry.late();
    if (this.#isJudged(call)) this.#ejection.ended(putAtMs, isLate ? "missed" : "good", "");
  }

  #failed(cause: unknown, call: CycleCall, putAtMs: number): OutriderError {
    this.entry.inFlight -= 1;
    const error = this.entry.failed(cause);
    if (isShed(error)) this.#open.forget(call.callId);
    if (this.#isJudged(call)) this.#ejection.ended(putAtMs, endOf(error), error.message);
    return error;
  }

  /** An ejected plugin whose time is over is tried with calls that decisions go on without. */
  #probe<T extends Float32Array | readonly Float32Array[]>(call: CycleCall, target: T, ask: Ask<T>): void {
    if (!this.#ejection.isOut || !this.#isJudged(call)) return;
    const nowMs = this.#clock.elapsedMs();
    const budgetMs = call.budgetUs / 1000;
    if (!this.#ejection.mayProbe(nowMs, budgetMs)) return;
    const dueMs = nowMs + budgetMs;
    this.shadow(call, toScratch(target), ask).then(
      () => this.#ejection.probeEnded(dueMs, this.#clock.elapsedMs() > dueMs ? "missed" : "good", "too late"),
      (cause) => this.#ejection.probeEnded(dueMs, endOf(cause), this.entry.failed(cause).message),
    );
  }
}

function isShed(cause: unknown): boolean {
  return cause instanceof OutriderError && cause.code === "SCORER_SHED";
}

/**
 * What an error says about the plugin. A lost connection says nothing here, back-off deals with it; nor does state that
 * did not fit, or a plugin that has said itself that it wants no calls.
 */
function endOf(cause: unknown): CallEnd {
  if (!(cause instanceof OutriderError)) return "bad";
  if (cause.code === "SCORER_SHED") return "neither";
  if (cause.code === "SCORER_DEADLINE") return "missed";
  if (cause.code !== "SCORER_UNAVAILABLE") return "bad";
  const said = rpcCodeOf(cause);
  return said === "" || said === "failed_precondition" || said === "canceled" ? "neither" : "bad";
}
