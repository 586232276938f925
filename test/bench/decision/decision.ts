import { spawnFleet } from "@outrider/fleet";
import type { Histogram } from "hdr-histogram-js";
import { cpuUs, residentMiB } from "../cpu.ts";
import { makeRequests } from "../messages.ts";
import type { Effort, Section, Table } from "../section.ts";
import { measureInTurn, median, withAll } from "../windows.ts";
import { describeNativeFloor } from "./floor.ts";
import { runLoad } from "./load.ts";
import { type Outcomes, type System, startEcho, startSystem } from "./systems.ts";

const warmRatePerS = 2000;
const inlineRow = "four scorers inline";

/** What a decision costs with scorers inline and as processes. */
export const decision: Section = {
  name: "decision",
  about: "a decision with four scorers, inline and as processes",
  effort: { windows: 7, seconds: 5 },
  async run(effort) {
    const fleet = await spawnFleet({ servers: 8 });
    const { endpoints } = fleet;
    const starts = [
      () => startEcho("bare node:http2 echo"),
      () => startSystem(inlineRow, "inline", endpoints),
      () => startSystem("four scorers as processes", "process", endpoints),
      () => startSystem("four as processes, one hung", "process", endpoints, "session"),
    ];
    try {
      return [await withAll(starts, (systems) => compare(systems, effort))];
    } finally {
      await fleet.stop();
    }
  },
};

async function compare(systems: readonly System[], effort: Effort): Promise<Table> {
  const rows = [];
  let failed = 0;
  for (const ratePerS of effort.rates) {
    const windows = await measureAt(systems, ratePerS, effort);
    rows.push(...toRows(windows, ratePerS));
    failed += [...windows.values()].flat().reduce((sum, window) => sum + window.failed, 0);
  }
  return { title: "A decision", rows, notes: [describeNativeFloor()], failed };
}

/** What one window of one system showed; times in µs. */
interface Window {
  readonly cpuUs: number;
  readonly decisions: number;
  readonly failed: number;
  readonly decisionUs: Histogram;
  /** Calls of scorers in it, by outcome. */
  readonly outcomes: Outcomes;
}

function measureAt(systems: readonly System[], ratePerS: number, { windows, seconds }: Effort) {
  const requests = makeRequests();
  return measureInTurn(systems, windows, async (system, isWarmUp): Promise<Window> => {
    // What the first window compiles would be counted with the others otherwise.
    const rate = isWarmUp ? Math.max(ratePerS, warmRatePerS) : ratePerS;
    const before = await system.outcomes();
    const startedUs = cpuUs(system.pid);
    const { decisions, failed, decisionUs } = await runLoad(
      { address: system.address, ratePerS: rate, seconds },
      requests,
    );
    const spentUs = cpuUs(system.pid) - startedUs;
    const outcomes = growthOf(before, await system.outcomes());
    return { cpuUs: spentUs, decisions, failed, decisionUs, outcomes };
  });
}

function toRows(windows: ReadonlyMap<System, readonly Window[]>, ratePerS: number) {
  const p50 = ({ decisionUs }: Window) => decisionUs.getValueAtPercentile(50);
  const inline = [...windows].find(([{ row }]) => row === inlineRow)?.[1] ?? [];
  const limitUs = median(inline.map(p50)) + 1000;
  return [...windows].map(([{ row, pid }, all]) => {
    const total = (pick: (window: Window) => number) => all.reduce((sum, window) => sum + pick(window), 0);
    const within = total(({ decisionUs }) => shareBelow(decisionUs, limitUs) * decisionUs.totalCount);
    return {
      row,
      "rate /s": ratePerS,
      "host CPU µs a decision": Math.round(median(all.map(({ cpuUs, decisions }) => cpuUs / decisions))),
      "p50 µs": median(all.map(p50)),
      "p99 µs": median(all.map(({ decisionUs }) => decisionUs.getValueAtPercentile(99))),
      "within 1 ms of inline p50": percent(within / total(({ decisionUs }) => decisionUs.totalCount)),
      scored: percent(scoredShare(all)),
      failed: total(({ failed }) => failed),
      "RSS MiB": Math.round(residentMiB(pid)),
    };
  });
}

function shareBelow(histogram: Histogram, limitUs: number): number {
  let low = 0;
  let high = 100;
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    if (histogram.getValueAtPercentile(middle) <= limitUs) low = middle;
    else high = middle;
  }
  return high / 100;
}

function growthOf(before: Outcomes, after: Outcomes): Outcomes {
  return Object.fromEntries(Object.entries(after).map(([kind, count]) => [kind, count - (before[kind] ?? 0)]));
}

function scoredShare(windows: readonly Window[]): number {
  const sum = (pick: (outcomes: Outcomes) => number) => windows.reduce((all, { outcomes }) => all + pick(outcomes), 0);
  const calls = sum((outcomes) => Object.values(outcomes).reduce((all, count) => all + count, 0));
  return calls === 0 ? Number.NaN : sum(({ scored = 0 }) => scored) / calls;
}

function percent(share: number): string {
  return Number.isNaN(share) ? "–" : `${(share * 100).toFixed(1)} %`;
}
