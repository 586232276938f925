import type { FeedbackEvent } from "@outrider/core";
import type { Decision } from "@outrider/protos/record";
import { fromWireEvent } from "@outrider/transport";
import type { FrameLog } from "./frame-log.ts";
import { callsPerDecision } from "./held-plugins.ts";

/** Decisions whose plugins may still hear of them, at most. */
const maxKnown = 100_000;

/** A recorded decision, and the numbers that its calls have now. */
interface KnownDecision {
  readonly firstCallId: number;
  /** Plugin of each recorded call. */
  readonly plugins: ReadonlyMap<number, string>;
}

/** What plugins are found by. */
export interface HeardParts {
  readonly log: FrameLog;
  /** Process of a plugin; `undefined` = it is told of everything at once. */
  readonly processOf: (plugin: string) => string | undefined;
  readonly feedbackOf: (plugin: string) => ((event: FeedbackEvent) => void) | undefined;
}

/**
 * Tells plugins in processes of their own what they had heard before they were asked, no more and no less: a host sends
 * them events in bunches, so that what has happened and what they know of it are not the same.
 */
export class HeardEvents {
  readonly #parts: HeardParts;
  /** By the first call id that they had; decisions of a host have call ids a multiple of {@link callsPerDecision} apart. */
  readonly #known = new Map<number, KnownDecision>();
  readonly #firstOf = new Map<number, number>();

  constructor(parts: HeardParts) {
    this.#parts = parts;
  }

  /** Whether a plugin is told of events here, and not when they happened. */
  tells(plugin: string): boolean {
    const process = this.#parts.processOf(plugin);
    return process !== undefined && this.#parts.log.has(process);
  }

  /** A decision begins, whose calls have other numbers now. */
  begin(decision: Decision, firstCallId: number): void {
    const plugins = pluginsOf(decision);
    const [one] = plugins.keys();
    if (one === undefined) return;
    const recorded = firstOf(one);
    this.#known.set(recorded, { firstCallId, plugins });
    this.#firstOf.set(firstCallId, recorded);
    if (this.#known.size <= maxKnown) return;
    const [oldest] = this.#known;
    this.#known.delete(oldest![0]);
    this.#firstOf.delete(oldest![1].firstCallId);
  }

  /** A plugin is about to be asked. @returns whether it was told of something. */
  catchUp(plugin: string, callId: number): boolean {
    const process = this.#parts.processOf(plugin);
    const recorded = this.#firstOf.get(firstOf(callId));
    if (process === undefined || recorded === undefined) return false;
    const events = this.#parts.log.take(process, recorded + (callId - firstOf(callId)));
    for (const wire of events) {
      const event = fromWireEvent(wire);
      if (event !== undefined) this.#tell(event);
    }
    return events.length > 0;
  }

  #tell(event: FeedbackEvent): void {
    const known = this.#known.get(firstOf(event.callId));
    const plugin = known?.plugins.get(event.callId);
    if (known === undefined || plugin === undefined) return;
    const callId = known.firstCallId + (event.callId - firstOf(event.callId));
    this.#parts.feedbackOf(plugin)?.({ ...event, callId });
  }
}

function firstOf(callId: number): number {
  return callId - (callId % callsPerDecision);
}

function pluginsOf({ producers, profiles }: Decision): ReadonlyMap<number, string> {
  const outcomes = [...producers, ...profiles.flatMap(({ scorers, shadows }) => [...scorers, ...shadows])];
  return new Map(outcomes.map(({ callId, name }) => [callId, name]));
}
