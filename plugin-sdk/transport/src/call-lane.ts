import type { CycleCall, EndpointSnapshot } from "@outrider/core/contract";
import { OutriderError, type Reason } from "@outrider/core/contract";
import type { CallBatch } from "./call-batch.ts";
import { type FactGrants, toFactGrants } from "./fact-grants.ts";
import type { AnswerTarget, PendingCalls } from "./pending-calls.ts";
import type { NumberedKey, WireInstance } from "./session-types.ts";

/** Calls a plugin takes before it has said how many. */
const firstCredit = 256;

/** What the lane needs of its session. */
export interface LaneContext {
  /** Epoch of the session. */
  readonly epoch: number;
  /** Calls of this turn. */
  readonly batch: CallBatch;
  /** Calls that are not answered. */
  readonly pending: PendingCalls;
  /** State that calls are put on; `undefined` = the plugin has none. */
  sentState(): EndpointSnapshot | undefined;
  /** Whether a step of state is half sent, so that "all that live" would be ambiguous. */
  inStep(): boolean;
  /** Sends a frame with its header. */
  send(frame: Buffer): void;
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
  #isScheduled = false;

  constructor(context: LaneContext) {
    this.#context = context;
  }

  setCredit(credit: number): void {
    this.credit = Math.max(1, credit);
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

  put(instance: WireInstance, call: CycleCall, target: AnswerTarget): Promise<Reason> {
    const { batch, pending } = this.#context;
    const state = this.#context.sentState();
    const refusal = this.#refusal ?? this.#illness;
    if (refusal !== undefined) return unavailable(instance, refusal);
    if (state === undefined) return unavailable(instance, "has not been sent the endpoints yet");
    if (pending.size >= this.credit) return Promise.reject(this.#shedError());
    if (batch.mustTakeBefore(call)) this.flush();
    const rev = Math.min(call.snapshot.rev, state.rev);
    if (!this.#add(instance, call, state, rev)) return tooLarge(instance);
    this.#schedule();
    return pending.add(call.callId >>> 0, instance, rev, target);
  }

  /** Sends the calls that wait for the end of the turn. */
  flush(): void {
    const { batch, send } = this.#context;
    if (batch.size > 0) send(batch.take());
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

  #viewOf(instance: WireInstance): CallView {
    let view = this.#views.get(instance);
    if (view === undefined) {
      view = {
        grants: toFactGrants(instance.granted),
        data: instance.data.filter(({ key }) => !instance.produces.includes(key)),
      };
      this.#views.set(instance, view);
    }
    return view;
  }

  #shedError(): OutriderError {
    this.#shed ??= new OutriderError("SCORER_SHED", `the plugin takes ${this.credit} calls at once and has them all`);
    return this.#shed;
  }
}

interface CallView {
  readonly grants: FactGrants;
  /** Data that it reads, without what it writes itself. */
  readonly data: readonly NumberedKey[];
}

function unavailable({ name }: WireInstance, why: string): Promise<never> {
  return Promise.reject(new OutriderError("SCORER_UNAVAILABLE", `${name}: the plugin ${why}`));
}

function tooLarge({ name }: WireInstance): Promise<never> {
  const message = `${name}: what it was granted of this request does not fit into a frame; lower its maxBytes`;
  return Promise.reject(new OutriderError("SCORER_FAILED", message));
}
