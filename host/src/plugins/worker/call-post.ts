import type { EndpointColumns, FeedbackEvent } from "@outrider/core/contract";
import { createCallBytes, type FactGrants, inflightKeys, isInflightKey, type NumberedKey } from "@outrider/transport";
import { absoluteNow, type ToThread } from "./messages.ts";
import type { WorkerCall } from "./worker-call.ts";

/** What of a call an instance may see, ready for the encoder. */
export interface CallView {
  readonly grants: FactGrants;
  readonly data: readonly NumberedKey[];
  /** In-flight columns that it may see. */
  readonly inflight: readonly string[];
}

/** Calls and events on their way to one thread, in their order. */
export interface CallPost {
  /** @param table number of the call's snapshot. */
  call(ticket: number, call: WorkerCall, table: number, nowMs: number): void;
  event(instance: number, event: FeedbackEvent): void;
  /** Sends what is there, before something else is. */
  flush(): void;
}

/** Time in which events are gathered, in ms: each message wakes the thread, and nobody waits for feedback. */
const gatherMs = 5;

/** Calls of one moment share a message; what is gathered of events goes in front of them. */
export function createCallPost(post: (message: ToThread) => void): CallPost {
  const bytes = createCallBytes();
  let tickets: number[] = [];
  let dueAtMs: number[] = [];
  let columns: EndpointColumns | undefined;
  let inflight: Float32Array | undefined;
  let instances: number[] = [];
  let events: FeedbackEvent[] = [];
  let timer: NodeJS.Timeout | undefined;
  let isScheduled = false;

  const sendEvents = () => {
    if (events.length === 0) return;
    clearTimeout(timer);
    timer = undefined;
    post({ kind: "events", instances, events });
    instances = [];
    events = [];
  };
  const sendCalls = () => {
    if (tickets.length === 0) return;
    post({ kind: "calls", bytes: bytes.take(), tickets, dueAtMs, inflight });
    tickets = [];
    dueAtMs = [];
    columns = undefined;
    inflight = undefined;
  };
  const flush = () => {
    isScheduled = false;
    sendEvents();
    sendCalls();
  };
  const see = (seen: EndpointColumns, slotCount: number, keys: readonly string[]) => {
    for (const key of keys) {
      inflight ??= new Float32Array(inflightKeys.length * slotCount);
      const at = (inflightKeys as readonly string[]).indexOf(key) * slotCount;
      inflight.set(seen.get(key).subarray(0, slotCount), at);
    }
  };

  return {
    call(ticket, { owner, call, deadlineMs }, table, nowMs) {
      const { view } = owner;
      if (columns !== undefined && columns !== call.columns) sendCalls();
      if (tickets.length === 0) sendEvents();
      columns = call.columns;
      see(columns, call.snapshot.slotCount, view.inflight);
      const allLive = call.candidates.length === call.snapshot.live.length;
      bytes.add(call, {
        instance: owner.instance,
        epoch: 0,
        rev: table,
        allLive,
        grants: view.grants,
        data: view.data,
      });
      tickets.push(ticket);
      dueAtMs.push(absoluteNow() + deadlineMs - nowMs);
      if (isScheduled) return;
      isScheduled = true;
      queueMicrotask(flush);
    },
    event(instance, event) {
      sendCalls();
      instances.push(instance);
      events.push(event);
      timer ??= setTimeout(flush, gatherMs).unref();
    },
    flush,
  };
}

/** In-flight columns among the keys of needs. */
export function inflightOf(keys: readonly string[]): readonly string[] {
  return keys.filter(isInflightKey);
}
