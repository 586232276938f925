import { setImmediate as nextTurn } from "node:timers/promises";
import type { Arrival, LabRequest, RequestOutcome, RunEnd, RunObserver, Scenario } from "../contract/index.ts";
import type { Fleet } from "./fleet.ts";
import type { LabHost } from "./lab-host.ts";
import { OpenRequest, type RequestContext } from "./open-request.ts";
import { createPicksDigest } from "./picks.ts";
import type { ScrapedFleet } from "./scraped-fleet.ts";
import { createSessionHeaders } from "./session-headers.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What a simulation is made of. */
export interface SimulationParts {
  readonly scenario: Scenario;
  readonly host: LabHost;
  readonly fleet: Fleet;
  readonly scraped: ScrapedFleet;
  readonly clock: VirtualClock;
  readonly observer: RunObserver;
  readonly signal: AbortSignal | undefined;
}

/** Between two samples of every server, virtual ms. */
const sampleMs = 1_000;
/** Longest turn of the event loop, and longest silence of progress, in real ms. */
const turnMs = 100;
/** Events between two looks at the real clock. */
const eventsPerLook = 256;

/** One run from the first arrival to the end of the last request. */
export class Simulation {
  readonly #parts: SimulationParts;
  readonly #context: RequestContext;
  readonly #picks = createPicksDigest();
  readonly #arrivals: AsyncIterator<readonly Arrival[]>;
  #batch: readonly Arrival[] = [];
  #next = 0;
  #arrivalsLeft = true;
  /** Whether the next arrival has to be asked for before time goes on. */
  #isDry = true;
  #sent = 0;
  #ended = 0;
  /** Requests that wait for their client's next turn. */
  #turns = 0;
  #works = 0;
  #deciding = 0;
  #failure: { readonly cause: unknown } | undefined;
  #endMs = 0;
  #lookedMs = performance.now();

  constructor(parts: SimulationParts) {
    const { scenario, clock, fleet, host } = parts;
    this.#parts = parts;
    this.#arrivals = scenario.workload.open(scenario.seed)[Symbol.asyncIterator]();
    this.#context = {
      scenario,
      clock,
      fleet,
      host,
      picks: this.#picks,
      sessions: createSessionHeaders(),
      nextWork: () => ++this.#works,
      deciding: (change) => {
        this.#deciding += change;
      },
      failed: (cause) => {
        this.#failure ??= { cause };
      },
      ended: (outcome) => this.#noteEnd(outcome),
    };
  }

  /** Runs it to its end, or to the signal. @throws {OutriderError} what the workload throws. */
  async run(): Promise<RunEnd> {
    const { scenario, fleet, scraped, host, signal } = this.#parts;
    fleet.start(scenario.events, {
      joined: (index) => this.#join(index),
      left: (index) => scraped.leave(index),
    });
    scraped.start();
    this.#sample();
    const cutShort = await this.#goThrough();
    return {
      endMs: this.#endMs,
      sent: this.#sent,
      plugins: host.outcomes(),
      picksSha256: this.#picks.end(),
      cutShort: cutShort ? `interrupted: ${String(signal?.reason)}` : undefined,
    };
  }

  /** As {@link #loop}, and lets go of the workload. */
  async #goThrough(): Promise<boolean> {
    try {
      return await this.#loop();
    } finally {
      await this.#arrivals.return?.();
    }
  }

  /** @returns whether it was interrupted. */
  async #loop(): Promise<boolean> {
    const { clock, host, signal } = this.#parts;
    for (let events = 0; ; events++) {
      if (this.#isDry) await this.#load();
      if (this.#isOver()) return false;
      const happened = clock.step();
      if (typeof happened !== "boolean") await happened;
      if (this.#deciding > 0 || !host.calls.isIdle) await host.calls.settle();
      if (this.#failure !== undefined) throw this.#failure.cause;
      if (events % eventsPerLook === 0 && this.#isTurnOver()) await nextTurn();
      if (signal?.aborted === true) return true;
    }
  }

  #isOver(): boolean {
    return !this.#arrivalsLeft && this.#turns === 0 && this.#ended === this.#sent;
  }

  #isTurnOver(): boolean {
    const nowMs = performance.now();
    if (nowMs - this.#lookedMs < turnMs) return false;
    this.#lookedMs = nowMs;
    this.#parts.observer.progress?.(this.#parts.clock.atMs, this.#ended);
    return true;
  }

  /** Has the next arrival wait for its time. */
  async #load(): Promise<void> {
    while (this.#next >= this.#batch.length) {
      const result = await this.#arrivals.next();
      if (result.done === true) return this.#close();
      this.#batch = result.value;
      this.#next = 0;
    }
    const arrival = this.#batch[this.#next++] as Arrival;
    if (arrival.atMs >= this.#parts.scenario.durationMs) return this.#close();
    this.#isDry = false;
    this.#parts.clock.at(arrival.atMs, () => {
      this.#send(arrival.request);
      this.#isDry = true;
    });
  }

  #close(): void {
    this.#isDry = false;
    this.#arrivalsLeft = false;
  }

  #send(request: LabRequest): void {
    new OpenRequest(this.#context, this.#sent++, request).send();
  }

  #noteEnd(outcome: RequestOutcome): void {
    this.#ended++;
    this.#endMs = Math.max(this.#endMs, outcome.endMs);
    this.#parts.observer.ended(outcome);
    if (outcome.kind !== "ok" || outcome.request.next === undefined) return;
    const { clock, scenario } = this.#parts;
    const { afterMs, request } = outcome.request.next();
    if (clock.atMs + afterMs >= scenario.durationMs) return;
    this.#turns++;
    clock.after(afterMs, () => {
      this.#turns--;
      this.#send(request);
    });
  }

  #join(index: number): void | Promise<void> {
    const { scraped, host, clock } = this.#parts;
    if (clock.atMs === 0) return scraped.join(index);
    return host.post.acknowledged().then(() => scraped.join(index));
  }

  #sample(): void {
    const { fleet, clock, observer } = this.#parts;
    for (let server = 0; server < fleet.size; server++) {
      const instance = fleet.instance(server);
      if (instance !== undefined) observer.sampled({ atMs: clock.atMs, server, ...instance.sample() });
    }
    clock.after(sampleMs, () => this.#sample());
  }
}
