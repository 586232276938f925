import { createRandom, type EndpointSnapshot, type FeedbackEvent } from "@outrider/core";
import { createEngine, type Engine, type EngineEvent, parseEngineShape } from "@outrider/lab/engine";
import { fakeCall, fakeNowMs, fakeSnapshot, local } from "@outrider/plugin-sdk/testing";
import { plugins } from "outrider/plugins";
import type { Outcome, Scenario } from "./scenario.ts";
import { createWorkload, type WorkRequest } from "./workload.ts";

/** Between two scrapes of the engines, in ms. */
const scrapeMs = 100;
/** Least time from a request to its first report of progress, in ms, as the host keeps it. */
const progressMs = 50;

type Said = Pick<Outcome, "slot" | "ttft" | "ttftP90" | "tpot" | "tpotP90" | "runningMean">;

/** A request at an engine. */
interface Open {
  readonly request: WorkRequest;
  readonly callId: number;
  readonly said: Said;
  firstMs: number;
  isDone: boolean;
}

/** Has a pool serve a workload, every request with a prediction; virtual time, the same each time. */
export async function simulate(scenario: Scenario): Promise<readonly Outcome[]> {
  const definition = await plugins["predicted-latency-producer"]!.load();
  if (definition.kind !== "producer") throw new Error("no producer");
  const producer = await local(definition);
  const pool = new Pool(scenario);
  const workload = createWorkload(scenario.ratePerS, scenario.seed);
  for (let request = workload.next().value; pool.sent < scenario.requests; request = workload.next().value) {
    for (const event of pool.advance(request.atMs)) await producer.feedback(event);
    const call = pool.callOf(request);
    const values = await producer.produce(call);
    await producer.feedback(pool.send(request, call.callId, values));
  }
  await producer.close();
  return pool.outcomes();
}

class Pool {
  sent = 0;
  readonly #scenario: Scenario;
  readonly #engines: readonly Engine[];
  readonly #random: () => number;
  readonly #open = new Map<number, Open>();
  readonly #outcomes = new Map<number, Outcome>();
  /** Beginnings that each engine is believed to hold. */
  readonly #held: readonly Set<number>[];
  readonly #ttft: readonly { count: number; sumMs: number }[];
  readonly #inflight: { readonly [key in "requests" | "promptTokens" | "outputTokens"]: Float32Array };
  #snapshot: EndpointSnapshot;
  #scrapeAtMs = 0;
  #nowMs = 0;
  #events: FeedbackEvent[] = [];
  /** Requests whose first token came before its progress was reported, in the order in which they were sent. */
  readonly #unreported: Open[] = [];

  constructor(scenario: Scenario) {
    this.#scenario = scenario;
    this.#engines = scenario.engines.map((shape) => createEngine(parseEngineShape(shape)));
    this.#random = createRandom(scenario.seed + 1);
    this.#held = this.#engines.map(() => new Set());
    this.#ttft = this.#engines.map(() => ({ count: 0, sumMs: 0 }));
    const column = () => new Float32Array(this.#engines.length);
    this.#inflight = { requests: column(), promptTokens: column(), outputTokens: column() };
    this.#snapshot = this.#scrape();
  }

  /** Lets the time pass. @returns what the host would report of it, in order of time. */
  advance(untilMs: number): readonly FeedbackEvent[] {
    this.#events = [];
    for (;;) {
      const steps = this.#engines.map((engine) => engine.nextStepAtMs());
      const nextMs = Math.min(untilMs, this.#scrapeAtMs, reportMs(this.#unreported[0]), ...steps);
      this.#nowMs = nextMs;
      for (const [slot, stepMs] of steps.entries()) if (stepMs <= nextMs) this.#step(slot);
      while (reportMs(this.#unreported[0]) <= nextMs) this.#report(this.#unreported.shift()!);
      if (nextMs === this.#scrapeAtMs) this.#snapshot = this.#scrape();
      if (nextMs === untilMs) return this.#events;
    }
  }

  callOf({ id, promptTokens, sharedTokens, family }: WorkRequest) {
    const matched = this.#held.map((held) => (held.has(family) ? Math.floor(sharedTokens / 64) : 0));
    const total = this.#engines.map(() => Math.floor(promptTokens / 64));
    return fakeCall({
      pool: this.#snapshot,
      inflight: this.#inflight,
      request: { promptTokens, stream: true },
      data: { "data.prefix_match_blocks": matched, "data.prefix_total_blocks": total },
      nowMs: fakeNowMs + this.#nowMs,
      callId: id,
      profile: "",
    });
  }

  send(request: WorkRequest, callId: number, values: Readonly<Record<string, Float32Array>>): FeedbackEvent {
    const change = this.#scenario.changes?.find(({ atRequest }) => atRequest === this.sent);
    for (const [i, slowdown] of change?.slowdowns.entries() ?? []) this.#engines[i]!.setSlowdown(slowdown, this.#nowMs);
    this.sent += 1;
    const ttft = values["data.predicted_ttft_ms"]!;
    const slot = this.#pick(ttft);
    const { count, sumMs } = this.#ttft[slot]!;
    const said: Said = {
      slot,
      ttft: ttft[slot]!,
      ttftP90: values["data.predicted_ttft_ms_p90"]![slot]!,
      tpot: values["data.predicted_tpot_ms"]![slot]!,
      tpotP90: values["data.predicted_tpot_ms_p90"]![slot]!,
      runningMean: sumMs / count,
    };
    const { id, promptTokens, outputTokens, blockKeys, family } = request;
    this.#open.set(id, { request, callId, said, firstMs: 0, isDone: false });
    this.#held[slot]!.add(family);
    this.#count(slot, 1, promptTokens, outputTokens);
    this.#engines[slot]!.submit({ id, promptTokens, outputTokens, blockKeys }, this.#nowMs);
    const scores = { ownScore: Number.NaN, totalScore: 0, fallback: false };
    return { ...this.#eventOf(callId, slot), kind: "picked", ...scores, promptTokens, picks: [{ profile: "p", slot }] };
  }

  /** Of all that ended, in the order in which they were sent. */
  outcomes(): readonly Outcome[] {
    return [...this.#outcomes].sort(([a], [b]) => a - b).map(([, outcome]) => outcome);
  }

  #pick(ttft: Float32Array): number {
    const [a, b] = [0, 0].map(() => Math.floor(this.#random() * this.#engines.length)) as [number, number];
    const isExploring = this.#random() < 0.05;
    if (this.#scenario.pick === "fastest" && !Number.isNaN(ttft[0]) && !isExploring) {
      return ttft.indexOf(Math.min(...ttft));
    }
    return this.#inflight.requests[a]! <= this.#inflight.requests[b]! ? a : b;
  }

  #scrape(): EndpointSnapshot {
    this.#scrapeAtMs += scrapeMs;
    const endpoints = this.#engines.map((engine, i) => {
      const { waiting, running, kvUsage } = engine.stats();
      return { id: `e${i}`, waiting_requests: waiting, running_requests: running, kv_cache_usage: kvUsage };
    });
    return fakeSnapshot(endpoints, { takenAtMs: fakeNowMs + this.#nowMs });
  }

  #step(slot: number): void {
    for (const event of this.#engines[slot]!.step(this.#nowMs)) {
      const open = this.#open.get(event.id)!;
      if (event.kind === "first_token") this.#first(slot, open, event);
      if (event.kind === "done") this.#done(slot, open, event.atMs);
    }
  }

  #first(slot: number, open: Open, { atMs }: EngineEvent): void {
    const { request, callId } = open;
    const ttftMs = atMs - request.atMs;
    open.firstMs = atMs;
    this.#count(slot, 0, -request.promptTokens, 0);
    const seen = this.#ttft[slot]!;
    seen.count += 1;
    seen.sumMs += ttftMs;
    if (ttftMs >= progressMs) this.#tellProgress(callId, slot, 1, ttftMs);
    else this.#unreported.splice(sortedPlace(this.#unreported, open), 0, open);
  }

  #report({ isDone, callId, said }: Open): void {
    if (!isDone) this.#tellProgress(callId, said.slot, 2, progressMs);
  }

  #tellProgress(callId: number, slot: number, chunks: number, elapsedMs: number): void {
    this.#events.push({ ...this.#eventOf(callId, slot), kind: "progress", chunks, outputTokens: 0, elapsedMs });
  }

  #done(slot: number, open: Open, atMs: number): void {
    const { request, callId, said, firstMs } = open;
    open.isDone = true;
    const { id, promptTokens, outputTokens } = request;
    this.#open.delete(id);
    this.#count(slot, -1, 0, -outputTokens);
    const ttftMs = firstMs - request.atMs;
    const tpotMs = outputTokens > 1 ? (atMs - firstMs) / (outputTokens - 1) : Number.NaN;
    this.#outcomes.set(id, { ...said, ttftMs, tpotMs });
    const times = { ttftUs: Math.round(1_000 * ttftMs), e2eMs: Math.round(atMs - request.atMs) };
    const usage = { promptTokens, cachedTokens: 0, outputTokens };
    this.#events.push({ ...this.#eventOf(callId, slot), kind: "done", cause: "ok", status: 200, ...usage, ...times });
  }

  #count(slot: number, requests: number, promptTokens: number, outputTokens: number): void {
    this.#inflight.requests[slot]! += requests;
    this.#inflight.promptTokens[slot]! += promptTokens;
    this.#inflight.outputTokens[slot]! += outputTokens;
  }

  #eventOf(callId: number, slot: number) {
    return { callId, slot, atMs: fakeNowMs + this.#nowMs };
  }
}

/** When the progress of a request is reported at the earliest; never of none. */
function reportMs(open: Open | undefined): number {
  return open === undefined ? Number.POSITIVE_INFINITY : open.request.atMs + progressMs;
}

function sortedPlace(list: readonly Open[], { request }: Open): number {
  const later = list.findIndex((other) => other.request.atMs > request.atMs);
  return later < 0 ? list.length : later;
}
