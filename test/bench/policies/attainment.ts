import type { FleetOptions } from "@outrider/fleet";
import type { Effort, Table } from "../section.ts";
import type { Policy } from "./configurations.ts";
import { failuresOf, tellRounds } from "./notes.ts";
import type { RequestKind, Targets } from "./requests.ts";
import type { Answered } from "./send.ts";
import { type Outcome, type Round, runRound } from "./trial.ts";

const policies: readonly Policy[] = [
  { row: "prefix + load", scorers: withoutSlo() },
  { row: "with slo, 3 : 1 : 1", scorers: { slo: 3, ...withoutSlo() } },
];

/** Of the pair of types whose index the predictions read too. */
function withoutSlo(): Policy["scorers"] {
  return { "prefix-cache-scorer": 1, load: 1 };
}

/** Two kinds of hardware, one twice as fast as the other. */
const fleet: FleetOptions = { servers: 8, engines: ["qwen3-32b:a100:4", "qwen3-32b:a100:2"], timeScale: 1 };

const common = { groups: 20, sharedTokens: 600, outputTokens: [80, 300] } as const;

/** Chats that somebody reads along, and documents that somebody waits for. */
const kinds: readonly (RequestKind & { readonly targets: Targets })[] = [
  { name: "chat", share: 0.8, ...common, ownTokens: [50, 400], targets: { ttftMs: 500, tpotMs: 30 } },
  { name: "document", share: 0.2, ...common, ownTokens: [4_000, 12_000], targets: { ttftMs: 10_000, tpotMs: 200 } },
];

/** Requests a second, those of two rates at once; at the highest half of the targets are out of reach. */
const rates = [
  [6, 15],
  [9, 12],
] as const;

/** What one policy did with requests of one rate. */
interface Result {
  readonly policy: Policy;
  readonly ratePerS: number;
  readonly outcome: Outcome;
}

/** Share of the requests that met both of their targets, with and without `slo`. */
export async function compareAttainment({ windows, seconds }: Effort): Promise<Table> {
  const rounds: Round[] = [];
  const results: Result[] = [];
  for (let seed = 1; seed <= windows; seed++) {
    for (const pair of rates) {
      const workloads = pair.map((ratePerS) => ({ kinds, ratePerS, seconds, seed }));
      const trials = workloads.flatMap((workload) => policies.map((policy) => ({ policy, fleet, workload })));
      const round = await runRound(`${pair.join(" and ")}/s, window ${seed} of ${windows}`, trials);
      rounds.push(round);
      for (const [i, { policy, workload }] of trials.entries()) {
        results.push({ policy, ratePerS: workload.ratePerS, outcome: round.outcomes[i]! });
      }
    }
  }
  const title = "SLO attainment, chats and documents on two kinds of hardware";
  return { title, rows: toRows(results), notes: toNotes(rounds), failed: failuresOf(rounds) };
}

function toNotes(rounds: readonly Round[]): readonly string[] {
  const targets = kinds.map(({ name, targets }) => `${name}s TTFT ≤ ${targets.ttftMs} ms, TPOT ≤ ${targets.tpotMs} ms`);
  return [
    `Attained: met both targets; ${targets.join("; ")}.`,
    "Wanted: never less with slo than without, and at least 10 points more at one rate.",
    ...tellRounds(rounds),
  ];
}

function toRows(results: readonly Result[]): Record<string, string | number>[] {
  return rates
    .flat()
    .toSorted((a, b) => a - b)
    .flatMap((rate) => {
      const outcomesOf = (wanted: Policy) =>
        results.filter((result) => result.ratePerS === rate && result.policy === wanted).map(({ outcome }) => outcome);
      const without = attainment(outcomesOf(policies[0]!));
      return policies.map((policy) => ({ "rate /s": rate, ...toRow(policy, outcomesOf(policy), without) }));
    });
}

function toRow(policy: Policy, outcomes: readonly Outcome[], without: number) {
  return {
    policy: policy.row,
    "attained %": percent(attainment(outcomes)),
    windows: outcomes.map((outcome) => percent(attainment([outcome]))).join(", "),
    "points above": policy === policies[0] ? "–" : percent(attainment(outcomes) - without),
    "chats %": percent(attainment(outcomes, "chat")),
    "their TTFT %": percent(attainment(outcomes, "chat", inTtft)),
    "their TPOT %": percent(attainment(outcomes, "chat", inTpot)),
    "documents %": percent(attainment(outcomes, "document")),
    failed: outcomes.reduce((sum, { failures }) => sum + failures.length, 0),
  };
}

const inTtft = ({ asked, ttftMs }: Answered) => ttftMs <= (asked.kind.targets?.ttftMs ?? Infinity);
const inTpot = ({ asked, tpotMs }: Answered) => tpotMs <= (asked.kind.targets?.tpotMs ?? Infinity);
const inBoth = (answer: Answered) => inTtft(answer) && inTpot(answer);

/** Share of the answers that met their targets, of one kind or of all. */
function attainment(outcomes: readonly Outcome[], kind?: string, isMet = inBoth): number {
  const answers = outcomes.flatMap(({ answered }) => answered);
  const counted = answers.filter(({ asked }) => kind === undefined || asked.kind.name === kind);
  return counted.filter(isMet).length / counted.length;
}

function percent(share: number): string {
  return (100 * share).toFixed(1);
}
