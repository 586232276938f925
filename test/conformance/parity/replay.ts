import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  type AnyDefinition,
  createEndpointTable,
  createRandom,
  type DecisionRecord,
  type EndpointTable,
  type Plan,
  type PluginOutcome,
  runCycle,
} from "@outrider/core";
import {
  createLog,
  createPluginRuntime,
  type PluginCatalogue,
  type PluginRuntime,
  Registry,
  systemClock,
} from "@outrider/host";
import { toClock, toPlan } from "./cycle-plan.ts";
import { digest, eventsOf, partsOf } from "./decision-parts.ts";
import { createFleet, type Fleet, nameOf, type Placement, placements } from "./placements.ts";
import type { Frame, RecordedEnd, RecordedRequest, TableEdit } from "./recording.ts";

/** What a replay came to. */
export interface ReplayReport {
  /** Decisions that were compared, each in every placement. */
  readonly decisions: number;
  /** Answers that were compared, and how many of them were of which kind. */
  readonly answers: Readonly<Record<string, number>>;
  readonly vetoes: number;
  readonly events: number;
  /** Slots that had another endpoint before. */
  readonly reusedSlots: number;
  readonly reconnects: number;
  /** The first differences, at most ten; empty = all placements agree bit by bit. */
  readonly differences: readonly string[];
}

/** Longest wait for all plugins to be there, or in step, in ms. */
const patienceMs = 20_000;

/** Longer than a host gathers feedback, in ms: what was told before is then on its way before any further call. */
const gatheredMs = 8;

/** Decisions under way at once, and snapshots that plugins need not have acknowledged: far below what a host allows. */
const mostPending = 12;
const mostUnsettled = 4;

/** Puts a recording to all types of a catalogue in all placements at once, and compares every answer with the inline one. */
export async function replay(frames: readonly Frame[], catalogue: PluginCatalogue): Promise<ReplayReport> {
  const folder = mkdtempSync(join(tmpdir(), "op-"));
  const fleet = await createFleet(catalogue, folder);
  const log = createLog(0);
  log.level = "silent";
  const table = createEndpointTable({ epoch: 7, extraColumns: ["metric.custom"] });
  const runtime = await createPluginRuntime({
    ...{ specs: fleet.specs, processes: fleet.processes, catalogue, table, socketDir: folder },
    host: { instance: "replay", version: "0.0.0" },
    clock: systemClock,
    log,
    registry: new Registry(),
    decisionBudgetMs: 60_000,
    timing: { backoffMinMs: 10, backoffMaxMs: 200 },
  });
  try {
    await runtime.start(patienceMs);
    const definitions = await Promise.all(Object.values(catalogue).map(({ load }) => load()));
    const run = new Run(runtime, fleet, table, definitions);
    for (const frame of frames) await run.take(frame);
    return await run.end();
  } finally {
    await runtime.stop();
    fleet.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A request of which the end is not told yet, as each placement has decided it. */
type OpenRequest = ReadonlyMap<Placement, DecisionRecord>;

class Run {
  readonly report = {
    decisions: 0,
    answers: {} as Record<string, number>,
    vetoes: 0,
    events: 0,
    reusedSlots: 0,
    reconnects: 0,
    differences: [] as string[],
  };
  readonly #runtime: PluginRuntime;
  readonly #fleet: Fleet;
  readonly #table: EndpointTable;
  readonly #plans: ReadonlyMap<Placement, Plan>;
  /** Decisions under way, in the order they were begun. */
  #pending: Promise<OpenRequest>[] = [];
  #unsettled = 0;
  readonly #open: OpenRequest[] = [];
  readonly #holders = new Map<number, string>();
  #atMs = 0;
  #frame = -1;
  #nextCallId = 1;

  constructor(runtime: PluginRuntime, fleet: Fleet, table: EndpointTable, definitions: readonly AnyDefinition[]) {
    this.#runtime = runtime;
    this.#fleet = fleet;
    this.#table = table;
    this.#plans = new Map(placements.map((placement) => [placement, toPlan(runtime, definitions, placement)]));
    table.onPublish((snapshot, change) => runtime.publish(snapshot, change));
  }

  async take(frame: Frame): Promise<void> {
    this.#frame += 1;
    this.#atMs = frame.atMs;
    switch (frame.kind) {
      case "state":
        // A call may be evaluated on a later state than its own: here that would be a difference.
        await this.#collect();
        for (const edit of frame.edits) this.#edit(edit);
        this.#table.publish(frame.atMs);
        this.#unsettled += 1;
        return this.#unsettled < mostUnsettled ? undefined : this.#settle();
      case "requests":
        for (const request of frame.requests) this.#decide(request);
        return this.#pending.length < mostPending ? undefined : this.#collect();
      case "inflight":
        return this.#setInflight(this.#table.slotOf(frame.id), frame.counts);
      case "feedback":
        await this.#collect();
        for (const end of frame.ends) this.#tell(end);
        await delay(gatheredMs);
        return;
      case "reconnect":
        this.report.reconnects += 1;
        await this.#collect();
        await this.#flush();
        await this.#fleet.dropConnections();
        await delay(gatheredMs);
        return this.#settle();
    }
  }

  async end(): Promise<ReplayReport> {
    await this.#collect();
    return this.report;
  }

  #edit(edit: TableEdit): void {
    const table = this.#table;
    const slot = table.slotOf(edit.id);
    if (edit.kind === "upsert") {
      const taken = table.upsert(edit);
      table.setReady(taken, true);
      const before = this.#holders.get(taken);
      if (before !== undefined && before !== edit.id) this.report.reusedSlots += 1;
      this.#holders.set(taken, edit.id);
    } else if (slot < 0) return;
    else if (edit.kind === "value") table.setValue(slot, edit.key, edit.value, this.#atMs - edit.ageMs);
    else if (edit.kind === "restart") table.restarted(slot);
    else {
      this.#setInflight(slot, [0, 0, 0]);
      table.remove(edit.id);
    }
  }

  #setInflight(slot: number, [requests, promptTokens, outputTokens]: readonly [number, number, number]): void {
    if (slot < 0) return;
    const { inflight } = this.#table;
    inflight.requests[slot] = requests;
    inflight.promptTokens[slot] = promptTokens;
    inflight.outputTokens[slot] = outputTokens;
  }

  /** Waits until all plugins are there and know the last snapshot. */
  async #settle(): Promise<void> {
    this.#unsettled = 0;
    const endMs = performance.now() + patienceMs;
    const late = () => this.#runtime.status().filter(({ state, revLag }) => state !== "active" || revLag > 0);
    for (let waiting = late(); waiting.length > 0; waiting = late()) {
      if (performance.now() > endMs) throw new Error(`frame ${this.#frame}: ${JSON.stringify(waiting.slice(0, 2))}`);
      await delay(1);
    }
  }

  /** What is on its way when a connection breaks is lost: an acknowledgement shows that all before it has arrived. */
  #flush(): Promise<void> {
    const { live, rev } = this.#table.current;
    this.#table.setValue(live[0]!, "metric.custom", rev, this.#atMs);
    this.#table.publish(this.#atMs);
    return this.#settle();
  }

  /** Begins one decision in all placements; nobody waits for it before the next frame. */
  #decide({ facts, seed, candidateSeed }: RecordedRequest): void {
    const snapshot = this.#table.current;
    const candidates = choose(snapshot.live, candidateSeed);
    if (candidates.length === 0) return;
    const firstCallId = this.#nextCallId;
    this.#nextCallId += 512;
    const { inflight } = this.#table;
    const decisionId = `${this.#frame}`;
    const common = { decisionId, firstCallId, snapshot, candidates, facts, inflight, seed, clock: toClock(this.#atMs) };
    const decisions = placements.map(
      async (placement) => [placement, await runCycle({ ...common, plan: this.#plans.get(placement)! })] as const,
    );
    this.#pending.push(Promise.all(decisions).then((entries) => new Map(entries)));
  }

  /** Waits for the decisions under way and compares them. */
  async #collect(): Promise<void> {
    const requests = await Promise.all(this.#pending);
    this.#pending = [];
    for (const request of requests) this.#compare(request);
  }

  #compare(request: OpenRequest): void {
    const [first, ...others] = placements;
    const record = request.get(first)!;
    const want = digest(record);
    this.#count(record);
    this.#open.push(request);
    for (const placement of others) {
      const got = digest(request.get(placement)!);
      for (const [i, line] of want.entries()) {
        if (got[i] === line || this.report.differences.length >= 10) continue;
        this.report.differences.push(`frame ${record.decisionId}, ${placement}: ${got[i]} where ${first} has ${line}`);
      }
    }
  }

  #count({ producers, profiles }: DecisionRecord): void {
    const { report } = this;
    report.decisions += 1;
    for (const { kind } of [...producers, ...profiles.flatMap(({ scorers }) => scorers)]) {
      report.answers[kind] = (report.answers[kind] ?? 0) + 1;
    }
    for (const { scorers } of profiles) for (const { vetoed } of scorers) report.vetoes += vetoed.length;
  }

  #tell(end: RecordedEnd): void {
    const request = this.#open.shift();
    for (const [placement, record] of request ?? []) {
      for (const { name, outcome, profile } of partsOf(record)) {
        const plugin = this.#plugin(name, outcome, placement);
        for (const event of eventsOf(end, record, outcome, profile, this.#atMs)) {
          plugin.feedback?.(event);
          if (placement === placements[0]) this.report.events += 1;
        }
      }
    }
  }

  #plugin(name: string, outcome: PluginOutcome, placement: Placement) {
    const full = nameOf(name, placement);
    return "values" in outcome ? this.#runtime.producer(full) : this.#runtime.scorer(full);
  }
}

function choose(live: Uint32Array, seed: number): Uint32Array {
  const random = createRandom(seed);
  const least = random() < 0.3 ? 0 : random();
  const chosen = live.filter(() => random() >= least);
  return chosen.length > 0 ? chosen : live.slice(0, 1);
}
