import type { MessagePort } from "node:worker_threads";
import type { EndpointChange, EndpointInfo, FeedbackEvent, Need, StateScope } from "@outrider/core/contract";

/** What a thread is opened with. */
export interface ThreadStart {
  /** Its end of the channel to the host. */
  readonly port: MessagePort;
  /** Where it says whose code it runs; see `running-section.ts`. */
  readonly section: SharedArrayBuffer;
}

/** A plugin as a thread makes it. */
export interface CreateMessage {
  readonly kind: "create";
  /** Number of the instance, from 1; never used twice. */
  readonly instance: number;
  readonly name: string;
  readonly type: string;
  /** Module that declares the type: absolute path or `file:` URL. */
  readonly module: string;
  /** `parameters:` as written. */
  readonly parameters: unknown;
  /** What it may see. */
  readonly granted: readonly Need[];
}

/**
 * A snapshot of the endpoint table. Its columns are views of the host's shared memory: nothing of them is copied, and
 * nobody writes to them.
 */
export interface TableMessage {
  readonly kind: "table";
  /** Number by which calls name it, from 1. */
  readonly id: number;
  readonly slotCount: number;
  /** Slots in use, ascending. */
  readonly live: Uint32Array;
  readonly keys: readonly string[];
  /** Values of each key, by slot. */
  readonly values: readonly Float32Array[];
  /** Times of each key, by slot. */
  readonly times: readonly Float64Array[];
  /** What is new since the table before, which instances are told; otherwise all endpoints, and nobody is told. */
  readonly endpoints:
    | { readonly kind: "change"; readonly change: EndpointChange }
    | { readonly kind: "all"; readonly infos: readonly EndpointInfo[] };
}

/** Calls of one moment. */
export interface CallsMessage {
  readonly kind: "calls";
  /** A bare `ScoreBatch`; its calls name their table in `rev`. */
  readonly bytes: Uint8Array;
  /** Number of each call, for its answer. */
  readonly tickets: readonly number[];
  /** When the budget of each call ends, by {@link absoluteNow}. */
  readonly dueAtMs: readonly number[];
  /** The three in-flight columns one behind the other, as these calls see them; `undefined` = none was granted. */
  readonly inflight: Float32Array | undefined;
}

/** What became of calls, for one instance each. */
export interface EventsMessage {
  readonly kind: "events";
  readonly instances: readonly number[];
  readonly events: readonly FeedbackEvent[];
}

/** The instance is not asked any more. */
export interface RemoveMessage {
  readonly kind: "remove";
  readonly instance: number;
}

/** What the host tells a thread. */
export type ToThread = CreateMessage | TableMessage | CallsMessage | EventsMessage | RemoveMessage;

/** What a declaration says that the host has to know. */
export interface Declaration {
  readonly kind: "scorer" | "producer";
  readonly state: StateScope;
  readonly needs: readonly Need[];
  /** Keys it writes; empty for a scorer. */
  readonly produces: readonly string[];
  /** Calls it takes before it has answered one. */
  readonly maxConcurrency: number;
  /** Whether the instance listens to events. */
  readonly hasFeedback: boolean;
}

/** What one call came to. */
export interface ThreadAnswer {
  readonly ticket: number;
  /** Time spent on it, in µs. */
  readonly pluginUs: number;
  readonly result:
    | {
        readonly kind: "values";
        /** Scores, or the values of a producer's keys one behind the other. */
        readonly values: Float32Array;
        readonly reason: string | undefined;
        /** Positions ruled out; `undefined` = none. */
        readonly vetoed: readonly number[] | undefined;
      }
    | { readonly kind: "error"; readonly code: string; readonly message: string };
}

/** What a thread tells the host. */
export type FromThread =
  | { readonly kind: "created"; readonly instance: number; readonly declaration: Declaration }
  /** `parameters` and `declares` are the operator's to mend; what a module or `create` threw may pass. */
  | {
      readonly kind: "refused";
      readonly instance: number;
      readonly why: "parameters" | "declares" | "threw";
      readonly message: string;
    }
  | {
      readonly kind: "answers";
      readonly answers: readonly ThreadAnswer[];
      /** Tickets of calls that go on while the thread takes others. */
      readonly parked: readonly number[];
      /** Events taken so far. */
      readonly heard: number;
    }
  /** A plugin's code threw where there is no call; the last message of `count`. */
  | {
      readonly kind: "threw";
      readonly instance: number;
      readonly where: string;
      readonly message: string;
      readonly count: number;
    }
  /** Text for the log, and how much was left out before it. */
  | {
      readonly kind: "output";
      readonly stream: "stdout" | "stderr";
      readonly text: string;
      readonly droppedBytes: number;
    };

/** Monotonic clock that all threads of a process share, in ms. */
export function absoluteNow(): number {
  return performance.timeOrigin + performance.now();
}
