import type { FeedbackEvent, Need } from "@outrider/core/contract";
import { wantedEvents } from "@outrider/transport";
import { createEventView } from "./event-view.ts";

/** Of a call whose request was not sent yet. */
const noSlot = -1;

/** Calls that were put to one plugin and whose `done` is due; kept only where it gets events. */
export class OpenCalls {
  readonly #queue: (event: FeedbackEvent) => void;
  /** Slot that the request was sent to, by call. */
  readonly #slots = new Map<number, number>();
  #wanted: ReadonlySet<FeedbackEvent["kind"]> = new Set();
  #view = createEventView([]);

  /** @param queue takes the events that the plugin is to get. */
  constructor(queue: (event: FeedbackEvent) => void) {
    this.#queue = queue;
  }

  /** Whether the plugin gets events. */
  get isKept(): boolean {
    return this.#wanted.size > 0;
  }

  /** What it is granted on a new connection. `remembers`: it still knows the calls of the connection before. */
  grant(granted: readonly Need[], remembers: boolean): void {
    if (!remembers) this.#slots.clear();
    this.#wanted = wantedEvents(granted);
    this.#view = createEventView(granted);
  }

  /** A call is put. */
  add(callId: number): void {
    if (this.isKept) this.#slots.set(callId, noSlot);
  }

  /** A call was not taken: nothing is due, unless it was answered so late that the plugin has heard of it. */
  forget(callId: number): void {
    if (this.#slots.get(callId) === noSlot) this.#slots.delete(callId);
  }

  /** Lets through what the plugin wants of calls that it was put. */
  tell(event: FeedbackEvent): void {
    if (!this.#slots.has(event.callId)) return;
    if (event.kind === "done") this.#slots.delete(event.callId);
    else this.#slots.set(event.callId, event.slot);
    if (this.#wanted.has(event.kind)) this.#queue(this.#view(event));
  }

  /** Ends a call that the plugin hears no more of: `unknown`, or `never_sent` where it was not sent yet. */
  end(callId: number, atMs: number): void {
    const slot = this.#slots.get(callId);
    if (slot === undefined) return;
    this.tell({ ...unobserved, callId, atMs, ...(slot === noSlot ? neverSent : { cause: "unknown", slot }) });
  }

  /** As {@link end}, all of them. */
  endAll(atMs: number): void {
    for (const callId of [...this.#slots.keys()]) this.end(callId, atMs);
  }
}

const unobserved = {
  kind: "done",
  status: 0,
  promptTokens: 0,
  cachedTokens: 0,
  outputTokens: 0,
  ttftUs: 0,
  e2eMs: 0,
} as const;

const neverSent = { cause: "never_sent", slot: 0 } as const;
