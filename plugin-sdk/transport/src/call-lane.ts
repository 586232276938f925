import type { CycleCall, EndpointSnapshot } from "@outrider/core/contract";
import { OutriderError, type Reason } from "@outrider/core/contract";
import type { CallBatch } from "./call-batch.ts";
import { type FactGrants, toFactGrants } from "./fact-grants.ts";
import type { CallTurn, PendingCalls } from "./pending-calls.ts";
import type { NumberedKey, WireInstance } from "./session-types.ts";
import type { AnswerTarget } from "./take-answer.ts";

/** Calls a plugin takes before it has said how many. */
const firstCredit = 256;

/** Longest time for which a plugin that is too busy is left alone, in ms. */
const longestPauseMs = 60_000;

/** What the lane needs of its session. */
export interface LaneContext {
  /** Epoch of the session. */
  readonly epoch: number;
  /** Calls of this turn. */
  readonly batch: CallBatch;
  /** Calls that are not answered. */
  readonly pending: PendingCalls;
  /** State that calls are put on; `undefined` = the plugin has none. */
  callState(): EndpointSnapshot | undefined;
  /** Whether "all that live" would be ambiguous: a step of state is half sent, or may overtake a call. */
  inStep(): boolean;
  /** Sends a frame with its header. */
  send(frame: Buffer): void;
  /** A frame of calls was sent at `nowMs`, by `performance.now()`. */
  sent(nowMs: number): void;
}

/** Puts calls: refuses what the plugin would not take, and sends those of a turn in one frame. */
export class CallLane {
  credit = firstCredit;
  readonly #context: LaneContext;
  /** What of a call each instance may see. */
  readonly #views = new WeakMap<WireInstance, CallView>();
  /** Why no call is put; `undefined` = they are. */
  #refusal: string | undefined;
  /** Why the plugin itself wants none. */
  #illness: string | undefined;
  /** One object for all calls over the credit: shedding is to cost next to nothing. */
  #shed: OutriderError | undefined;
  /** Until when the plugin is to be left alone; 0 = it is not. */
  #pausedUntilMs = 0;
  /** Of the calls in the batch; `undefined` = it is empty. */
  #turn: CallTurn | undefined;
  #isScheduled = false;

  constructor(context: LaneContext) {
    this.#context = context;
  }

  setCredit(credit: number): void {
    this.credit = credit;
    this.#shed = undefined;
  }

  /** Refuses calls from now on, for a reason; accepts them again without one. */
  setRefusal(reason: string | undefined): void {
    this.#refusal = reason;
  }

  /** As {@link setRefusal}, by the plugin's own word. */
  setHealth(illness: string | undefined): void {
    this.#illness = illness;
  }

  /** Sheds all calls for a while, because the plugin has said that it is too busy. */
  pause(retryAfterMs: number): void {
    this.#pausedUntilMs = performance.now() + Math.min(retryAfterMs, longestPauseMs);
    this.#shed = undefined;
  }

  score(instance: WireInstance, call: CycleCall, scores: Float32Array): Promise<Reason> {
    const { mayVeto } = this.#viewOf(instance);
    return this.#put(instance, call, { kind: "scores", scores, vetoable: mayVeto ? call : undefined });
  }

  produce(instance: WireInstance, call: CycleCall, values: readonly Float32Array[]): Promise<Reason> {
    return this.#put(instance, call, { kind: "values", values });
  }

  /** Sends the calls that wait for the end of the turn. */
  flush(): void {
    const { batch, send, sent } = this.#context;
    const turn = this.#turn;
    if (turn === undefined || batch.size === 0) return;
    this.#turn = undefined;
    send(batch.take());
    turn.sentAtMs = performance.now();
    sent(turn.sentAtMs);
  }

  #put(instance: WireInstance, call: CycleCall, target: AnswerTarget): Promise<Reason> {
    const { batch, pending } = this.#context;
    const state = this.#context.callState();
    const refusal = this.#refusal ?? this.#illness;
    if (refusal !== undefined) return unavailable(instance, refusal);
    if (state === undefined) return unavailable(instance, "has not been sent the endpoints yet");
    if (pending.size >= this.credit || this.#isPaused()) return Promise.reject(this.#shedError());
    if (batch.mustTakeBefore(call)) this.flush();
    const rev = Math.min(call.snapshot.rev, state.rev);
    this.#turn ??= startTurn();
    if (!this.#add(instance, call, state, rev)) return tooLarge(instance);
    // What came before it may have been sent to make room.
    this.#turn ??= startTurn();
    this.#schedule();
    return pending.add({ call, instance, rev, target, turn: this.#turn });
  }

  #add(instance: WireInstance, call: CycleCall, state: EndpointSnapshot, rev: number): boolean {
    const { batch, epoch } = this.#context;
    const { grants, data } = this.#viewOf(instance);
    const isAll = call.snapshot === state && call.candidates.length === state.live.length;
    const header = { instance: instance.id, epoch, rev, allLive: isAll && !this.#context.inStep(), grants, data };
    if (batch.add(call, header)) return true;
    if (batch.size === 0) return false;
    this.flush();
    return batch.add(call, header);
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => {
      this.#isScheduled = false;
      this.flush();
    });
  }

  /** Whether the plugin is left alone just now. */
  #isPaused(): boolean {
    if (this.#pausedUntilMs === 0) return false;
    if (performance.now() < this.#pausedUntilMs) return true;
    this.#pausedUntilMs = 0;
    this.#shed = undefined;
    return false;
  }

  #viewOf(instance: WireInstance): CallView {
    let view = this.#views.get(instance);
    if (view === undefined) {
      view = {
        grants: toFactGrants(instance.granted),
        data: instance.data.filter(({ key }) => !instance.produces.includes(key)),
        mayVeto: instance.granted.some(({ key }) => key === "veto"),
      };
      this.#views.set(instance, view);
    }
    return view;
  }

  #shedError(): OutriderError {
    const why =
      this.#pausedUntilMs === 0
        ? `the plugin takes ${this.credit} calls at once and has them all`
        : "the plugin has said that it is too busy for now";
    this.#shed ??= new OutriderError("SCORER_SHED", why);
    return this.#shed;
  }
}

interface CallView {
  readonly grants: FactGrants;
  /** Data that it reads, without what it writes itself. */
  readonly data: readonly NumberedKey[];
  /** Whether its vetoes count. */
  readonly mayVeto: boolean;
}

function startTurn(): CallTurn {
  const nowMs = performance.now();
  return { putAtMs: nowMs, sentAtMs: nowMs };
}

function unavailable({ name }: WireInstance, why: string): Promise<never> {
  return Promise.reject(new OutriderError("SCORER_UNAVAILABLE", `${name}: the plugin ${why}`));
}

function tooLarge({ name }: WireInstance): Promise<never> {
  const message = `${name}: what it was granted of this request does not fit into a frame; lower its maxBytes`;
  return Promise.reject(new OutriderError("SCORER_FAILED", message));
}
