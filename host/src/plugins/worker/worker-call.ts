import type { CycleCall } from "@outrider/core";
import type { ErrorCode, OutriderError, Reason } from "@outrider/core/contract";
import type { CallView } from "./call-post.ts";
import type { Lane } from "./lane.ts";
import type { ThreadAnswer } from "./messages.ts";

/** The plugin behind a call, as the threads need it. */
export interface CallOwner {
  /** Number of the instance on every thread. */
  readonly instance: number;
  readonly name: string;
  /** Longest time that its code may hold a thread, and that a call may go on, in ms. */
  readonly hangMs: number;
  /** What of a call it may see. */
  readonly view: CallView;
  /** It was handed to a thread. */
  sent(call: WorkerCall, lane: Lane): void;
  /** A thread has answered. */
  answered(call: WorkerCall, answer: ThreadAnswer): void;
  /** No thread will answer. */
  failed(call: WorkerCall, code: ErrorCode, message: string): void;
}

/** A call from its cycle to its answer. */
export interface WorkerCall {
  readonly owner: CallOwner;
  readonly call: CycleCall;
  /** A scorer's one array, or one per key of a producer. */
  readonly rows: readonly Float32Array[];
  /** When it was put and when its budget ends, by the elapsed time of the clock. */
  readonly putMs: number;
  readonly deadlineMs: number;
  /** When it was handed to a thread. */
  sentMs: number;
  /** Whether its thread takes other calls while it goes on. */
  isParked: boolean;
  readonly resolve: (reason: Reason) => void;
  readonly reject: (error: OutriderError) => void;
}

/** Takes what a thread answered to a call: copies the values, and vetoes what was vetoed. */
export function takeValues(
  { call, rows }: Pick<WorkerCall, "call" | "rows">,
  { values, vetoed }: Extract<ThreadAnswer["result"], { kind: "values" }>,
): void {
  const count = call.candidates.length;
  for (const [i, row] of rows.entries()) row.set(values.subarray(i * count, (i + 1) * count));
  for (const position of vetoed ?? []) call.veto(position);
}
