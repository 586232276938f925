import {
  type AnyDefinition,
  type EndpointChange,
  type FeedbackEvent,
  OutriderError,
  type Reason,
} from "@outrider/core/contract";
import { asTransmitted, type DecodedCall, type MadeInstance, wantedEvents } from "@outrider/transport/local";
import { createGrantedView, type GrantedView } from "./granted-view.ts";
import { absoluteNow, type CreateMessage, type ThreadAnswer } from "./messages.ts";
import { ThreadCall } from "./thread-call.ts";
import type { ThreadTable } from "./thread-tables.ts";

type Result = ThreadAnswer["result"];

/** What an instance needs of its thread. */
export interface InstanceContext {
  /** Runs the instance's code, so that the host knows whose it is. */
  run<T>(code: () => T): T;
  /** A hook threw. */
  threw(where: string, cause: unknown): void;
}

/** One configured instance on a thread. */
export interface ThreadInstance {
  /** Evaluates a call; whatever the instance throws is an answer, too. */
  call(ticket: number, call: DecodedCall, on: CallState): ThreadAnswer | Promise<ThreadAnswer>;
  endpointsChanged(change: EndpointChange): void;
  feedback(event: FeedbackEvent): void;
}

/** What a call is evaluated on. */
export interface CallState {
  readonly table: ThreadTable;
  /** As `CallsMessage.inflight`. */
  readonly inflight: Float32Array | undefined;
}

/** Serves what was made of a definition. */
export function createThreadInstance(
  { granted }: CreateMessage,
  definition: AnyDefinition,
  made: Exclude<MadeInstance, { readonly kind: "faults" }>,
  context: InstanceContext,
): ThreadInstance {
  const produces = definition.kind === "producer" ? definition.produces : [];
  const view = createGrantedView(granted, produces);
  const wanted = wantedEvents(granted);
  const { instance } = made;
  const guarded = (where: string, hook: () => void) => {
    try {
      context.run(hook);
    } catch (cause) {
      context.threw(where, cause);
    }
  };
  return {
    call: (ticket, call, on) => context.run(() => evaluate(ticket, made, produces.length, toCall(call, on, view))),
    endpointsChanged(change) {
      guarded("endpointsChanged", () => instance.endpointsChanged?.(view.change(change)));
    },
    feedback(event) {
      if (wanted.has(event.kind)) guarded("feedback", () => instance.feedback?.(asTransmitted(event)));
    },
  };
}

function toCall(call: DecodedCall, { table, inflight }: CallState, view: GrantedView): ThreadCall {
  return new ThreadCall(call, table, view, inflight);
}

function evaluate(
  ticket: number,
  made: Exclude<MadeInstance, { readonly kind: "faults" }>,
  keyCount: number,
  call: ThreadCall,
): ThreadAnswer | Promise<ThreadAnswer> {
  const startedMs = absoluteNow();
  const count = call.candidates.length;
  const rows = made.kind === "scorer" ? 1 : keyCount;
  const values = new Float32Array(rows * count).fill(Number.NaN);
  const toAnswer = (result: Result): ThreadAnswer => {
    return { ticket, pluginUs: Math.max(1, Math.round((absoluteNow() - startedMs) * 1000)), result };
  };
  const answered = (reason: Reason) =>
    toAnswer({
      kind: "values",
      values,
      reason: typeof reason === "string" ? reason : undefined,
      vetoed: made.kind === "scorer" ? call.vetoed : undefined,
    });
  const failed = (cause: unknown) => toAnswer(toError(cause));
  try {
    const reason =
      made.kind === "scorer"
        ? made.instance.score(call, values)
        : made.instance.produce(call, split(values, keyCount, count));
    return reason instanceof Promise ? reason.then(answered, failed) : answered(reason);
  } catch (cause) {
    return failed(cause);
  }
}

function split(values: Float32Array, rows: number, count: number): readonly Float32Array[] {
  return Array.from({ length: rows }, (_, row) => values.subarray(row * count, (row + 1) * count));
}

/** Longest message of an error, in characters. */
const messageLength = 200;

function toError(cause: unknown): Result {
  const code = cause instanceof OutriderError ? cause.code : "SCORER_FAILED";
  const message = cause instanceof Error ? cause.message : String(cause);
  return { kind: "error", code, message: message.slice(0, messageLength) };
}
