import type { CycleClock } from "@outrider/core";
import type { DurationSeries } from "../metrics/duration-histogram.ts";
import { type CallPart, CallTimesRing } from "./call-times.ts";
import type { CallTimes, PluginEvent } from "./types.ts";

/** Edges that are kept. */
const keptEvents = 32;

/** What is kept of one configured plugin across its generations. */
export class PluginJournal {
  /** Answers that came behind their deadline. */
  lateAnswers = 0;
  /** Last error, as `CODE: message`; empty = none. */
  lastError = "";
  /** Latest generation that was made; 0 = none yet. */
  generation = 0;
  readonly #clock: CycleClock;
  readonly #series: Readonly<Record<CallPart, DurationSeries>>;
  readonly #times = new CallTimesRing();
  #events: readonly PluginEvent[] = [];

  /** @param series of its metrics, a part each. */
  constructor(clock: CycleClock, series: Readonly<Record<CallPart, DurationSeries>>) {
    this.#clock = clock;
    this.#series = series;
  }

  /** The latest edges of its life, oldest first, at most 32. */
  get events(): readonly PluginEvent[] {
    return this.#events;
  }

  /** Where the time of its calls went, over the last minute or so. */
  get times(): CallTimes {
    return this.#times.read(this.#clock.elapsedMs());
  }

  /** An edge was taken. */
  note(event: PluginEvent): void {
    this.#events = [...this.#events.slice(1 - keptEvents), event];
  }

  /** A part of a call of a decision took so long. @param nowMs monotonic, as the clock says. */
  took(part: CallPart, us: number, nowMs: number): void {
    this.#times.add(part, us, nowMs);
    this.#series[part].observe(us / 1e6);
  }
}
