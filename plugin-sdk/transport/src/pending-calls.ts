import { OutriderError, type Reason } from "@outrider/core/contract";
import type { DecodedAnswer } from "./answer-codec.ts";
import { fromRpcFailure } from "./rpc-failure.ts";
import type { SessionEvents, WireInstance } from "./session-types.ts";

/** Where the answer to a call goes. */
export type AnswerTarget =
  | { readonly kind: "scores"; readonly scores: Float32Array }
  | { readonly kind: "values"; readonly values: readonly Float32Array[] };

/** Calls that were put and are not answered. */
export interface PendingCalls {
  /** Calls that are not answered, abandoned ones included. */
  readonly size: number;
  /** Waits for the answer to a call on at least revision `rev`. */
  add(callId: number, instance: WireInstance, rev: number, target: AnswerTarget): Promise<Reason>;
  /** Nobody waits for this call any more. */
  abandon(callId: number): void;
  /** Takes an answer. `frame` holds it, for reports. */
  settle(answer: DecodedAnswer, frame: Uint8Array): void;
  /** Fails all of them. */
  fail(error: OutriderError): void;
}

interface PendingCall {
  readonly instance: WireInstance;
  readonly rev: number;
  readonly target: AnswerTarget;
  readonly resolve: (reason: Reason) => void;
  readonly reject: (error: OutriderError) => void;
}

/** What answers lead to besides settling their calls. */
export interface AnswerEvents extends Pick<SessionEvents, "violation" | "answered" | "lateAnswer"> {
  /** The plugin's state did not fit the call. */
  stateRefused(error: OutriderError): void;
}

/** @param epoch of the session: an answer on another one breaks the contract. */
export function createPendingCalls(epoch: number, events: AnswerEvents): PendingCalls {
  const calls = new Map<number, PendingCall | "abandoned">();

  const reject = (call: PendingCall, error: OutriderError, frame: Uint8Array) => {
    if (error.code === "SCORES_INVALID" || error.code === "PROTOCOL_VIOLATION") events.violation(error, frame);
    call.reject(error);
  };

  return {
    get size() {
      return calls.size;
    },
    add(callId, instance, rev, target) {
      return new Promise((resolve, reject) => calls.set(callId, { instance, rev, target, resolve, reject }));
    },
    abandon(callId) {
      if (calls.has(callId)) calls.set(callId, "abandoned");
    },
    settle(answer, frame) {
      const { callId, pluginUs, error } = answer;
      const call = calls.get(callId);
      if (call === undefined) {
        const message = `an answer to call ${callId}, which was never made or is answered already`;
        events.violation(new OutriderError("PROTOCOL_VIOLATION", message), frame);
        return;
      }
      calls.delete(callId);
      if (call === "abandoned") events.lateAnswer(callId, pluginUs);
      else events.answered(callId, pluginUs);
      if (error?.rpcCode === "failed_precondition") events.stateRefused(fromRpcFailure(error, "state"));
      if (call === "abandoned") return;
      const failure = error === undefined ? takeAnswer(call, answer, epoch) : fromRpcFailure(error, call.instance.name);
      if (failure === undefined) call.resolve(answer.reason === "" ? undefined : answer.reason);
      else reject(call, failure, frame);
    },
    fail(error) {
      const failed = [...calls.values()];
      calls.clear();
      for (const call of failed) if (call !== "abandoned") call.reject(error);
    },
  };
}

/** Copies an answer to its target; what is wrong with it, and the target holds nothing then. */
function takeAnswer(call: PendingCall, answer: DecodedAnswer, epoch: number): OutriderError | undefined {
  const { instance, rev, target } = call;
  if (answer.epoch !== epoch || answer.rev < rev) {
    const message = `${instance.name} used state ${answer.epoch}:${answer.rev} for a call on ${epoch}:${rev}`;
    return new OutriderError("PROTOCOL_VIOLATION", message);
  }
  const fault =
    target.kind === "scores" ? answer.copyScores(target.scores) : copyValues(instance, answer, target.values);
  return fault === "" ? undefined : new OutriderError("SCORES_INVALID", `${instance.name}: ${fault}`);
}

function copyValues(instance: WireInstance, answer: DecodedAnswer, values: readonly Float32Array[]): string {
  for (const [i, key] of instance.produces.entries()) {
    const column = instance.data.find((data) => data.key === key);
    const fault = column === undefined ? "" : answer.copyValues(column.id, values[i]!);
    if (fault === "") continue;
    for (const written of values) written.fill(Number.NaN);
    return `${key}: ${fault}`;
  }
  return "";
}
