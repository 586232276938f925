import type { Frame } from "@outrider/protos/record";
import type { FeedbackEvent, SessionRequest } from "@outrider/protos/scorer";

/** Messages that wait for a call behind them, at most; older ones are forgotten. */
const maxWaiting = 100_000;

/** Messages to one plugin process, in their order. */
interface ProcessLog {
  /** Number of the message that was sent first of those that are kept. */
  first: number;
  messages: (readonly FeedbackEvent[])[];
  /** Number of the message that each call went with. */
  readonly calls: Map<number, number>;
}

const noEvents: readonly FeedbackEvent[] = [];

/** In which order plugins of their own processes heard of calls and events: events are gathered before they are sent. */
export class FrameLog {
  /** Processes that began anew, or were connected to anew, while it was recorded. */
  readonly restarted = new Set<string>();
  readonly #processes = new Map<string, ProcessLog>();

  /** Whether a process was sent anything. */
  has(process: string): boolean {
    return this.#processes.has(process);
  }

  add({ process, frame }: Frame): void {
    if (frame.case === "sent") this.#sent(process, frame.value);
  }

  /** Events that a process heard before a call, and not before an earlier one. */
  take(process: string, callId: number): readonly FeedbackEvent[] {
    const log = this.#processes.get(process);
    const at = log?.calls.get(callId);
    if (log === undefined || at === undefined) return noEvents;
    log.calls.delete(callId);
    const heard = log.messages.splice(0, Math.max(0, at - log.first));
    log.first += heard.length;
    return heard.flat();
  }

  #sent(process: string, { frame }: SessionRequest): void {
    if (frame.case === "hello") this.restarted.add(process);
    if (frame.case !== "feedback" && frame.case !== "score") return;
    const log = this.#processes.get(process) ?? { first: 0, messages: [], calls: new Map<number, number>() };
    this.#processes.set(process, log);
    if (frame.case === "score") {
      for (const { callId } of frame.value.calls) log.calls.set(callId, log.first + log.messages.length);
    }
    if (frame.case === "feedback") log.messages.push(frame.value.events);
    if (log.messages.length <= maxWaiting) return;
    log.messages.shift();
    log.first += 1;
  }
}
