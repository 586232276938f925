import { type CycleCall, OutriderError, type Reason } from "@outrider/core/contract";
import type { DecodedAnswer } from "./answer-codec.ts";
import { createDueCalls } from "./due-calls.ts";
import { fromRpcFailure } from "./rpc-failure.ts";
import type { SessionEvents, WireInstance } from "./session-types.ts";
import type { SlotHistory } from "./slot-history.ts";
import { type AnswerTarget, type CallState, takeAnswer } from "./take-answer.ts";

/** When the calls of one frame were put and sent, by `performance.now()`; one object serves them all. */
export interface CallTurn {
  /** The first of them was put. */
  readonly putAtMs: number;
  /** The frame was handed to the stream; {@link putAtMs} until then. */
  sentAtMs: number;
}

/** A call on its way out. */
export interface PutCall {
  readonly call: CycleCall;
  readonly instance: WireInstance;
  /** Revision that the plugin must have used at least. */
  readonly rev: number;
  readonly target: AnswerTarget;
  readonly turn: CallTurn;
}

/** Calls that were put and are not answered. */
export interface PendingCalls {
  /** Calls that are not answered, missed ones included. */
  readonly size: number;
  /** Calls that are not answered and still have time. */
  readonly waiting: number;
  /** Waits for the answer to a call. */
  add(put: PutCall): Promise<Reason>;
  /** Ids of the calls whose time has run out by `nowMs`, each once. */
  sweep(nowMs: number): readonly number[];
  /** Takes an answer that was read at `nowMs`. `frame` holds it, for reports. */
  settle(answer: DecodedAnswer, frame: Uint8Array, nowMs: number): void;
  /** Fails all of them. */
  fail(error: OutriderError): void;
}

interface PendingCall {
  readonly callId: number;
  readonly instance: WireInstance;
  readonly rev: number;
  readonly target: AnswerTarget;
  readonly turn: CallTurn;
  readonly dueMs: number;
  readonly isRehearsal: boolean;
  readonly call: CycleCall;
  readonly resolve: (reason: Reason) => void;
  readonly reject: (error: OutriderError) => void;
  state: "waiting" | "missed" | "settled";
}

/** What answers lead to besides settling their calls. */
export interface AnswerEvents extends Pick<SessionEvents, "violation" | "answered" | "lateAnswer"> {
  /** The plugin's state did not fit the call. */
  stateRefused(error: OutriderError): void;
  /** The plugin is too busy and wants to be left alone for so long. */
  exhausted(retryAfterMs: number): void;
}

/**
 * @param epoch of the session: an answer on another one breaks the contract.
 * @param history of the slots: a plugin may have a later state than a call was made on.
 */
export function createPendingCalls(epoch: number, events: AnswerEvents, history: SlotHistory): PendingCalls {
  const calls = new Map<number, PendingCall>();
  const due = createDueCalls<PendingCall>();
  const times = { callUs: 0, hostUs: 0, pluginUs: 0 };
  let waiting = 0;

  const miss = (call: PendingCall) => {
    call.state = "missed";
    waiting -= 1;
  };
  const report = (call: PendingCall, pluginUs: number, nowMs: number) => {
    if (call.state === "waiting" && nowMs > call.dueMs) miss(call);
    const isLate = call.state === "missed";
    if (!isLate) waiting -= 1;
    call.state = "settled";
    if (call.isRehearsal) return;
    const { putAtMs, sentAtMs } = call.turn;
    times.callUs = 1000 * (nowMs - putAtMs);
    times.hostUs = 1000 * (sentAtMs - putAtMs);
    times.pluginUs = pluginUs;
    if (isLate) events.lateAnswer(call.instance, call.callId, times);
    else events.answered(call.instance, call.callId, times);
  };
  const reject = (call: PendingCall, error: OutriderError, frame: Uint8Array) => {
    if (error.code === "SCORES_INVALID" || error.code === "PROTOCOL_VIOLATION") events.violation(error, frame);
    call.reject(error);
  };

  return {
    get size() {
      return calls.size;
    },
    get waiting() {
      return waiting;
    },
    add({ call, instance, rev, target, turn }) {
      const { budgetUs, isRehearsal = false } = call;
      const callId = call.callId >>> 0;
      const dueMs = turn.putAtMs + budgetUs / 1000;
      waiting += 1;
      return new Promise((resolve, reject) => {
        const state = "waiting";
        const pending = {
          callId,
          call,
          instance,
          rev,
          target,
          turn,
          dueMs,
          isRehearsal,
          resolve,
          reject,
          state,
        } as const;
        calls.set(callId, pending);
        due.add(pending);
      });
    },
    sweep(nowMs) {
      const missed = due.take(nowMs);
      for (const call of missed) miss(call);
      return missed.map(({ callId }) => callId);
    },
    settle(answer, frame, nowMs) {
      const { callId, pluginUs, error } = answer;
      const call = calls.get(callId);
      if (call === undefined) {
        const message = `an answer to call ${callId}, which was never made or is answered already`;
        events.violation(new OutriderError("PROTOCOL_VIOLATION", message), frame);
        return;
      }
      calls.delete(callId);
      report(call, pluginUs, nowMs);
      if (error?.rpcCode === "failed_precondition") events.stateRefused(fromRpcFailure(error, "state"));
      if (error?.rpcCode === "resource_exhausted" && error.retryAfterMs > 0) events.exhausted(error.retryAfterMs);
      const { instance, target, rev } = call;
      const isStale = staleness(history, call.call);
      const failure =
        error === undefined
          ? takeAnswer(answer, instance, target, { epoch, rev, isStale })
          : fromRpcFailure(error, instance.name);
      if (failure === undefined) call.resolve(answer.reason === "" ? undefined : answer.reason);
      else reject(call, failure, frame);
    },
    fail(error) {
      const failed = [...calls.values()];
      calls.clear();
      waiting = 0;
      for (const call of failed) {
        call.state = "settled";
        call.reject(error);
      }
    },
  };
}

/** Whether a candidate's slot has changed hands since the call's snapshot; `undefined` = none has. */
function staleness(history: SlotHistory, { candidates, snapshot }: CycleCall): CallState["isStale"] {
  if (snapshot.rev >= history.settledRev) return undefined;
  return (position) => !history.isSameSince(candidates[position]!, snapshot.rev);
}
