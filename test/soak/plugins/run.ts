import { readdirSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { type DecisionRecord, runCycle } from "@outrider/core";
import { systemClock } from "@outrider/host";
import { fakeFacts } from "./fake-facts.ts";
import type { PluginSystem } from "./system.ts";

/** One reading of this process, which is the host of the plugins. */
export interface PluginSample {
  /** Share of the run, in [0, 1]. */
  readonly at: number;
  readonly rssBytes: number;
  readonly descriptors: number;
}

/** What a run came to. */
export interface PluginRun {
  readonly samples: readonly PluginSample[];
  /** Calls put to plugins. */
  readonly calls: number;
  /** Of these, calls that brought no scores. */
  readonly unanswered: number;
  readonly reconnects: number;
}

const decisionsAtOnce = 16;
const callsPerDecision = 2;
/** Between two publications of the table, in decisions. */
const decisionsPerPublication = 500;
const samplesPerRun = 400;

/**
 * Calls and reconnects, mixed evenly: every so many decisions the second plugin's connection is cut, and comes back.
 * @param show is told the share done.
 */
export async function runPlugins(
  system: PluginSystem,
  wanted: { readonly calls: number; readonly reconnects: number },
  show: (at: number) => void,
): Promise<PluginRun> {
  const rounds = Math.max(wanted.reconnects, Math.ceil(wanted.calls / callsPerDecision / decisionsAtOnce));
  const samples: PluginSample[] = [];
  const count = { calls: 0, unanswered: 0, reconnects: 0, decisions: 0 };
  for (let round = 0; round < rounds; round++) {
    const records = await Promise.all(Array.from({ length: decisionsAtOnce }, () => decide(system, count.decisions++)));
    for (const record of records) tally(record, count);
    if (Math.floor(((round + 1) * wanted.reconnects) / rounds) > count.reconnects) {
      await reconnect(system);
      count.reconnects++;
    }
    if (count.decisions % decisionsPerPublication < decisionsAtOnce) publish(system, count.decisions);
    if (Math.floor(((round + 1) * samplesPerRun) / rounds) > samples.length) {
      samples.push(read((round + 1) / rounds));
      show((round + 1) / rounds);
    }
  }
  return { samples, ...count };
}

async function decide({ plan, table }: PluginSystem, i: number): Promise<DecisionRecord> {
  const record = await runCycle({
    decisionId: `d-${i}`,
    firstCallId: (i * callsPerDecision) >>> 0,
    plan,
    snapshot: table.current,
    candidates: table.current.live,
    facts: fakeFacts(i),
    inflight: table.inflight,
    seed: i,
    clock: systemClock,
  });
  for (const { scorer } of plan.profiles[0]!.scorers) {
    const callId = record.profiles[0]!.scorers.find(({ name }) => name === scorer.name)!.callId;
    const base = { callId, slot: record.destination[0] ?? 0, atMs: record.atMs };
    scorer.feedback?.({
      ...base,
      kind: "picked",
      ownScore: 1,
      totalScore: 1,
      fallback: false,
      promptTokens: 200,
      picks: [],
    });
    const rest = { promptTokens: 200, cachedTokens: 0, outputTokens: 1, ttftUs: 1, e2eMs: 1 };
    scorer.feedback?.({ ...base, kind: "done", cause: "ok", status: 200, ...rest });
  }
  return record;
}

function tally({ profiles }: DecisionRecord, count: { calls: number; unanswered: number }): void {
  for (const { kind } of profiles[0]!.scorers) {
    count.calls++;
    if (kind !== "scored" && kind !== "abstained") count.unanswered++;
  }
}

async function reconnect({ runtime, cut }: PluginSystem): Promise<void> {
  const restarts = () => runtime.status().find(({ name }) => name === "cut")!;
  const before = restarts().restarts;
  cut();
  while (restarts().restarts === before || restarts().state !== "active") await sleep(1);
}

/** Queues change, an endpoint leaves and another takes its place. */
function publish({ table }: PluginSystem, i: number): void {
  const nowMs = systemClock.nowMs();
  for (const slot of table.current.live) table.setValue(slot, "waiting_requests", (slot + i) % 7, nowMs);
  const leaving = table.current.live[i % table.current.live.length]!;
  const { id, address } = table.current.at(leaving)!;
  table.remove(id);
  table.setReady(table.upsert({ id: `${id.split("/")[0]}/${i}`, address, labels: {} }), true);
  table.publish(nowMs);
}

function read(at: number): PluginSample {
  return { at, rssBytes: process.memoryUsage.rss(), descriptors: readdirSync("/proc/self/fd").length };
}
