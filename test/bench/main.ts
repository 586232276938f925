import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { spawnFleet } from "@outrider/fleet";
import { cpuUs, residentMiB } from "./cpu.ts";
import { runLoad } from "./load.ts";
import { makeRequests } from "./requests.ts";
import { type System, startEcho, startSystem } from "./systems.ts";

const usage = `What a decision costs: open-loop ext_proc load on hosts whose windows are interleaved.

usage: npm run bench -- [--rates 500,2000] [--windows 7] [--seconds 5] [--json]

CPU is the host process's by the operating system, scraping of eight endpoints every 50 ms included, its plugins' not.
Latency counts from the scheduled arrival. Times of a shared machine move: compare rows of one run.`;

const { values } = parseArgs({
  options: {
    rates: { type: "string", default: "500,2000" },
    windows: { type: "string", default: "7" },
    seconds: { type: "string", default: "5" },
    json: { type: "boolean", default: false },
    help: { type: "boolean", short: "h", default: false },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}

const warmRatePerS = 2000;

/** One row at one rate. Times in µs. */
interface Row {
  readonly row: string;
  readonly ratePerS: number;
  readonly cpuUsPerDecision: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Share of decisions within 1 ms of the inline row's p50. */
  readonly within1msOfInline: number;
  readonly failed: number;
  readonly decisions: number;
  /** Share of scorer calls that were scored. */
  readonly scoredShare: number;
  readonly residentMiB: number;
}

interface Window {
  readonly cpuUs: number;
  readonly decisions: number;
  readonly failed: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly histogram: Awaited<ReturnType<typeof runLoad>>["decisionUs"];
}

const fleet = await spawnFleet({ servers: 8 });
const systems: System[] = [];
try {
  systems.push(await startEcho("bare node:http2 echo"));
  systems.push(await startSystem("four scorers inline", "inline", fleet.endpoints));
  systems.push(await startSystem("four scorers as processes", "process", fleet.endpoints));
  systems.push(await startSystem("four as processes, one hung", "process", fleet.endpoints, "session"));
  for (const system of systems) system.pause();
  const rows: Row[] = [];
  for (const rate of values.rates.split(",").map(Number)) rows.push(...(await measure(rate)));
  const report = { machine: `${cpus().length} cores, Node ${process.version}`, floorUs: nativeFloor(), rows };
  if (values.json) console.log(JSON.stringify(report));
  else print(report);
  process.exitCode = rows.every(({ failed }) => failed === 0) ? 0 : 1;
} finally {
  await Promise.all(systems.map((system) => system.stop()));
  await fleet.stop();
}

/** Windows of all systems in turn, so that a slow minute of the machine meets all of them. */
async function measure(ratePerS: number): Promise<readonly Row[]> {
  const requests = makeRequests();
  const windows = new Map<System, Window[]>(systems.map((system) => [system, []]));
  const outcomes = new Map<System, Outcomes>();
  for (let i = 0; i <= Number(values.windows); i++) {
    for (const system of systems) {
      await system.resume();
      const before = await system.outcomes();
      const startedUs = cpuUs(system.pid);
      const seconds = Number(values.seconds);
      // The first window warms client and server up: what it compiles would be counted with the others otherwise.
      const load = {
        address: system.address,
        ratePerS: i === 0 ? Math.max(ratePerS, warmRatePerS) : ratePerS,
        seconds,
      };
      const { decisions, failed, decisionUs } = await runLoad(load, requests);
      const spentUs = cpuUs(system.pid) - startedUs;
      const after = await system.outcomes();
      system.pause();
      process.stderr.write(`\r${ratePerS}/s, window ${i} of ${values.windows}: ${system.row}          `);
      if (i === 0) continue;
      outcomes.set(system, addGrowth(outcomes.get(system) ?? {}, before, after));
      const quantile = (percent: number) => decisionUs.getValueAtPercentile(percent);
      const times = { p50Us: quantile(50), p99Us: quantile(99) };
      windows.get(system)?.push({ cpuUs: spentUs, decisions, failed, ...times, histogram: decisionUs });
    }
  }
  process.stderr.write("\n");
  const inline = systems.find(({ row }) => row === "four scorers inline");
  const inlineP50 = median((inline === undefined ? [] : (windows.get(inline) ?? [])).map(({ p50Us }) => p50Us));
  return Promise.all(
    systems.map(async (system) => {
      const all = windows.get(system) ?? [];
      const total = (pick: (window: Window) => number) => all.reduce((sum, window) => sum + pick(window), 0);
      const within = total(({ histogram }) => shareBelow(histogram, inlineP50 + 1000) * histogram.totalCount);
      return {
        row: system.row,
        ratePerS,
        cpuUsPerDecision: Math.round(median(all.map(({ cpuUs, decisions }) => cpuUs / decisions))),
        p50Us: median(all.map(({ p50Us }) => p50Us)),
        p99Us: median(all.map(({ p99Us }) => p99Us)),
        within1msOfInline: within / total(({ histogram }) => histogram.totalCount),
        failed: total(({ failed }) => failed),
        decisions: total(({ decisions }) => decisions),
        scoredShare: scoredShare(outcomes.get(system) ?? {}),
        residentMiB: Math.round(residentMiB(system.pid)),
      };
    }),
  );
}

function shareBelow(histogram: Window["histogram"], limitUs: number): number {
  let low = 0;
  let high = 100;
  for (let i = 0; i < 30; i++) {
    const middle = (low + high) / 2;
    if (histogram.getValueAtPercentile(middle) <= limitUs) low = middle;
    else high = middle;
  }
  return high / 100;
}

/** Calls by outcome. */
type Outcomes = Readonly<Record<string, number>>;

function addGrowth(sum: Outcomes, before: Outcomes, after: Outcomes): Outcomes {
  const grown = Object.keys(after).map((kind) => [kind, (sum[kind] ?? 0) + (after[kind] ?? 0) - (before[kind] ?? 0)]);
  return Object.fromEntries(grown);
}

function scoredShare(outcomes: Outcomes): number {
  const all = Object.values(outcomes).reduce((sum, count) => sum + count, 0);
  return all === 0 ? Number.NaN : (outcomes.scored ?? 0) / all;
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Round trip of one byte between two C programs, p50 and p99 in µs; nothing where there is no C compiler. */
function nativeFloor(): readonly number[] {
  const folder = mkdtempSync(join(tmpdir(), "outrider-floor-"));
  try {
    execFileSync("cc", ["-O2", "-o", join(folder, "floor"), fileURLToPath(new URL("floor.c", import.meta.url))]);
    return execFileSync(join(folder, "floor"), { encoding: "utf8" }).trim().split(" ").map(Number);
  } catch {
    return [];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function print({ machine, floorUs, rows }: { machine: string; floorUs: readonly number[]; rows: readonly Row[] }) {
  const floor = floorUs.length === 0 ? "not measured: no C compiler" : `p50 ${floorUs[0]} µs, p99 ${floorUs[1]} µs`;
  console.log(`${machine}; native echo over a unix socket: ${floor}\n`);
  console.log(
    "| row | rate /s | host CPU µs a decision | p50 µs | p99 µs | within 1 ms of inline p50 | scored | failed | RSS MiB |",
  );
  console.log("|---|---|---|---|---|---|---|---|---|");
  const percent = (share: number) => (Number.isNaN(share) ? "–" : `${(share * 100).toFixed(1)} %`);
  for (const row of rows) {
    const { ratePerS, cpuUsPerDecision, p50Us, p99Us, within1msOfInline, scoredShare, failed, residentMiB } = row;
    const cells = [
      row.row,
      ratePerS,
      cpuUsPerDecision,
      p50Us,
      p99Us,
      percent(within1msOfInline),
      percent(scoredShare),
      failed,
      residentMiB,
    ];
    console.log(`| ${cells.join(" | ")} |`);
  }
}
