import { fileURLToPath } from "node:url";
import { spawnFleet } from "@outrider/fleet";
import type { Histogram } from "hdr-histogram-js";
import { startHost } from "../../clients/host.ts";
import { cpuUs, mainThreadUs, residentMiB } from "../cpu.ts";
import { runLoad } from "../decision/load.ts";
import { type Outcomes, readOutcomes, type System } from "../decision/systems.ts";
import { createPauser } from "../measured-server.ts";
import { makeRequests } from "../messages.ts";
import type { Effort, Section, Table } from "../section.ts";
import { format, measureInTurn, median, spread, withAll } from "../windows.ts";

const ratePerS = 300;
const threads = 2;
const emptyRow = "no scorer";
/** More than the empty profile's, in µs of the main thread a decision. */
const atMostUs = 100;

const burner = fileURLToPath(new URL("burner.ts", import.meta.url));

/** What the thread that decides spends on a scorer that burns CPU on another. */
export const worker: Section = {
  name: "worker",
  about: "a scorer of 2 ms CPU on two worker threads, against no scorer, at 300/s",
  effort: { windows: 5, seconds: 5 },
  async run(effort) {
    const fleet = await spawnFleet({ servers: 8 });
    const starts = [
      () => startRow(emptyRow, fleet.endpoints),
      () => startRow("a scorer that burns 2 ms, default budget", fleet.endpoints, {}),
      () => startRow("the same, waited for as long as it takes", fleet.endpoints, { budget: "500ms" }),
    ];
    try {
      return [await withAll(starts, (rows) => compare(rows, effort))];
    } finally {
      await fleet.stop();
    }
  },
};

/** A host under load, with what its event loop did. */
interface Row extends System {
  /** Seconds in which the event loop was not idle, so far. */
  activeS(): Promise<number>;
}

/** @param burns where there is the scorer; `budget` of it and of decisions, default the host's. */
async function startRow(row: string, endpoints: readonly string[], burns?: { readonly budget?: string }): Promise<Row> {
  const refs = [...(burns === undefined ? [] : ["burner"]), "best"].map((name) => `{ pluginRef: ${name} }`);
  const budget = burns?.budget === undefined ? undefined : `budget: ${burns.budget}`;
  const module = ["name: burner", "type: burner", `module: ${burner}`, ...(budget === undefined ? [] : [budget])];
  const config = [
    "apiVersion: outrider.dev/v1alpha1",
    "kind: EndpointPickerConfig",
    "responses: full",
    `workers: { threads: ${threads} }`,
    ...(budget === undefined ? [] : [budget]),
    "plugins:",
    ...(burns === undefined ? [] : [`- { ${module.join(", ")} }`]),
    "- { name: best, type: max-score-picker }",
    "schedulingProfiles:",
    `- { name: default, plugins: [${refs.join(", ")}] }`,
    "",
  ].join("\n");
  const host = await startHost({ config, endpoints });
  const { pause, resume } = await createPauser(host);
  return {
    row,
    pid: host.pid,
    address: host.addresses.extProc,
    pause,
    resume,
    outcomes: async () => readOutcomes(await host.metrics()),
    activeS: () => host.metric("outrider_event_loop_active_seconds_total"),
    async stop() {
      await resume();
      await host.stop();
    },
  };
}

/** What one window of one row showed; times in µs. */
interface Window {
  readonly mainUs: number;
  readonly allUs: number;
  readonly activeShare: number;
  readonly decisionUs: Histogram;
  readonly decisions: number;
  readonly failed: number;
  readonly outcomes: Outcomes;
}

async function compare(rows: readonly Row[], { windows, seconds }: Effort): Promise<Table> {
  const requests = makeRequests();
  const measured = await measureInTurn(rows, windows, (row) => measure(row, seconds, requests));
  const mainUs = (all: readonly Window[]) => all.map((window) => window.mainUs / window.decisions);
  const emptyUs = median(mainUs([...measured].find(([{ row }]) => row === emptyRow)?.[1] ?? []));
  const table = [...measured].map(([{ row, pid }, all]) => ({
    row,
    "main-thread CPU µs a decision": format(median(mainUs(all))),
    windows: spread(mainUs(all)),
    "above no scorer": format(median(mainUs(all)) - emptyUs),
    "at most": row === emptyRow ? "–" : atMostUs,
    "CPU of all threads": format(median(all.map(({ allUs, decisions }) => allUs / decisions))),
    "event loop in use": percent(median(all.map(({ activeShare }) => activeShare))),
    "p50 µs": median(all.map(({ decisionUs }) => decisionUs.getValueAtPercentile(50))),
    "p99 µs": median(all.map(({ decisionUs }) => decisionUs.getValueAtPercentile(99))),
    missed: percent(missShare(all)),
    "RSS MiB": Math.round(residentMiB(pid)),
  }));
  const failed = [...measured.values()].flat().reduce((sum, window) => sum + window.failed, 0);
  return { title: `A scorer on worker threads, ${ratePerS}/s`, rows: table, notes: [], failed };
}

async function measure(row: Row, seconds: number, requests: readonly Buffer[]): Promise<Window> {
  const [outcomesBefore, activeBefore] = [await row.outcomes(), await row.activeS()];
  const [mainBefore, allBefore, startedMs] = [mainThreadUs(row.pid), cpuUs(row.pid), performance.now()];
  const { decisions, failed, decisionUs } = await runLoad({ address: row.address, ratePerS, seconds }, requests);
  const [mainUs, allUs] = [mainThreadUs(row.pid) - mainBefore, cpuUs(row.pid) - allBefore];
  const activeShare = ((await row.activeS()) - activeBefore) / ((performance.now() - startedMs) / 1000);
  const outcomes = growthOf(outcomesBefore, await row.outcomes());
  return { mainUs, allUs, activeShare, decisionUs, decisions, failed, outcomes };
}

function growthOf(before: Outcomes, after: Outcomes): Outcomes {
  return Object.fromEntries(Object.entries(after).map(([kind, count]) => [kind, count - (before[kind] ?? 0)]));
}

/** Share of the calls that brought nothing within their budget. */
function missShare(windows: readonly Window[]): number {
  const sum = (kinds: readonly string[]) =>
    windows.reduce((all, { outcomes }) => all + kinds.reduce((some, kind) => some + (outcomes[kind] ?? 0), 0), 0);
  const calls = sum(["scored", "abstained", "late", "failed", "shed"]);
  return calls === 0 ? Number.NaN : 1 - sum(["scored", "abstained"]) / calls;
}

function percent(share: number): string {
  return Number.isNaN(share) ? "–" : `${(share * 100).toFixed(1)} %`;
}
