import type { FleetOptions } from "@outrider/fleet";
import type { Effort, Table } from "../section.ts";
import { format, median, spread } from "../windows.ts";
import type { Policy } from "./configurations.ts";
import { failuresOf, tellRounds } from "./notes.ts";
import type { RequestKind } from "./requests.ts";
import type { Answered } from "./send.ts";
import { type Outcome, type Round, runRound } from "./trial.ts";

const policies: readonly Policy[] = [
  { row: "prefix + load", scorers: { "prefix-cache": 1, load: 1 } },
  { row: "prefix + queue + KV, 3 : 2 : 2", scorers: reference() },
  { row: "prefix only", scorers: { "prefix-cache": 1 } },
  { row: "load only", scorers: { load: 1 } },
  { row: "random", scorers: {}, picker: "random-picker" },
  { row: "round robin", scorers: {}, picker: "round-robin" },
];

/** Eight servers alike, whose caches hold a third of all beginnings each. */
const fleet: FleetOptions = { servers: 8, engines: ["qwen3-32b:a100:2"], kvTokens: 49_152, timeScale: 1 };

/** How much of the prompts is shared, and how many a second come. */
interface Level {
  readonly name: string;
  readonly kind: RequestKind;
  readonly ratePerS: number;
  /** What is wanted of prefix + load. */
  readonly goal: string;
}

const common = { share: 1, groups: 60, outputTokens: [50, 200] } as const;

const levels: readonly Level[] = [
  {
    name: "high sharing",
    kind: { name: "high", ...common, sharedTokens: 2_400, ownTokens: [120, 1_200] },
    ratePerS: 10,
    goal: "the lowest mean TTFT",
  },
  {
    name: "low sharing",
    kind: { name: "low", ...common, sharedTokens: 128, ownTokens: [960, 4_800] },
    ratePerS: 6,
    goal: "a mean TTFT of at most 1.05 of the best",
  },
];

/** The reference EPP's own configuration. */
function reference(): Policy["scorers"] {
  return { "prefix-cache-scorer": 3, "queue-scorer": 2, "kv-cache-utilization-scorer": 2 };
}

/** TTFT and hit rates of policies at high and low sharing. */
export async function compareSharing(effort: Effort): Promise<readonly Table[]> {
  const tables: Table[] = [];
  for (const level of levels) tables.push(await compare(level, effort));
  return tables;
}

async function compare({ name, kind, ratePerS, goal }: Level, { windows, seconds }: Effort): Promise<Table> {
  const rounds: Round[] = [];
  for (let seed = 1; seed <= windows; seed++) {
    const workload = { kinds: [kind], ratePerS, seconds, seed };
    const trials = policies.map((policy) => ({ policy, fleet, workload }));
    rounds.push(await runRound(`${name}, window ${seed} of ${windows}`, trials));
  }
  const byPolicy = policies.map((_, i) => rounds.map(({ outcomes }) => outcomes[i]!));
  const best = Math.min(...byPolicy.map((outcomes) => mean(outcomes.flatMap(ttftOf))));
  const rows = policies.map(({ row }, i) => ({ policy: row, ...toRow(byPolicy[i]!, best) }));
  const notes = [`Wanted of prefix + load: ${goal}; hit rates within 5 points.`, ...tellRounds(rounds)];
  return { title: `Policies at ${name}, ${ratePerS}/s`, rows, notes, failed: failuresOf(rounds) };
}

function toRow(outcomes: readonly Outcome[], best: number) {
  const all = outcomes.flatMap(ttftOf);
  const { hitRate, believed } = hitRates(outcomes);
  return {
    "TTFT ms, mean": format(mean(all)),
    windows: spread(outcomes.map((outcome) => mean(ttftOf(outcome)))),
    "of the best": format(mean(all) / best),
    p50: format(median(all)),
    p90: format(all.toSorted((a, b) => a - b)[Math.floor(0.9 * all.length)] ?? Number.NaN),
    "TPOT ms": format(mean(outcomes.flatMap(({ answered }) => answered.map(({ tpotMs }) => tpotMs)))),
    "hit rate": percent(hitRate),
    believed: percent(believed),
    failed: outcomes.reduce((sum, { failures }) => sum + failures.length, 0),
  };
}

const ttftOf = ({ answered }: Outcome) => answered.map(({ ttftMs }) => ttftMs);

/** Cached share of all prompt tokens as model servers counted it, and as the index believed of those it was asked of. */
function hitRates(outcomes: readonly Outcome[]) {
  const share = (answers: readonly Answered[], cachedOf: (answer: Answered) => number) =>
    answers.reduce((sum, answer) => sum + cachedOf(answer), 0) /
    answers.reduce((sum, { promptTokens }) => sum + promptTokens, 0);
  const all = outcomes.flatMap(({ answered }) => answered);
  const beliefs = new Map(outcomes.flatMap(({ believed }) => [...believed]));
  const rated = all.filter(({ asked }) => beliefs.has(asked.id));
  return {
    hitRate: share(all, ({ cachedTokens }) => cachedTokens),
    believed: share(rated, ({ asked, promptTokens }) => (beliefs.get(asked.id) ?? 0) * promptTokens),
  };
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function percent(share: number): string {
  return Number.isNaN(share) ? "–" : `${(100 * share).toFixed(1)} %`;
}
