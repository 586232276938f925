import type { ReportRun } from "../report/index.ts";
import { type Metric, metrics, toMeanInterval } from "../results/index.ts";

/** What a difference shows. */
export type Showing =
  /** The interval of the paired differences excludes 0. */
  | "better"
  | "worse"
  /** It includes 0, or the difference is no larger than the figures are exact. */
  | "not_shown"
  /** Both gave the same number in every run. */
  | "same"
  /** Every pair differs by the same amount: seeds vary nothing, so nothing is known beyond these requests. */
  | "unvarying"
  /** One pair only: there is no interval. */
  | "one_pair";

/** How a policy differs from the baseline in one figure at one rate, over pairs of runs with the same seed. */
export interface Difference {
  readonly policy: string;
  readonly baseline: string;
  /** `null` = the workload's own. */
  readonly ratePerSecond: number | null;
  /** Id of the figure. */
  readonly metric: string;
  /** Seeds for which both runs tell the figure. */
  readonly pairs: number;
  /** Means over these. */
  readonly policyMean: number;
  readonly baselineMean: number;
  /** Mean of policy less baseline. */
  readonly mean: number;
  /** 95 % confidence interval of that mean, widened by what the figures may be off; `null` = there is none. */
  readonly low: number | null;
  readonly high: number | null;
  readonly showing: Showing;
}

/** All policies but the first against the first: every figure at every rate that both tell. */
export function toDifferences(runs: readonly ReportRun[]): readonly Difference[] {
  const [baseline, ...others] = new Set(runs.map(({ policy }) => policy));
  const rates = [...new Set(runs.map(({ ratePerSecond }) => ratePerSecond))];
  if (baseline === undefined) return [];
  return others.flatMap((policy) =>
    metrics.flatMap((metric) =>
      rates.flatMap((ratePerSecond) => {
        const pairs = pairsOf(runs, metric, { policy, baseline, ratePerSecond });
        return pairs.length === 0 ? [] : [toDifference(pairs, metric, { policy, baseline, ratePerSecond })];
      }),
    ),
  );
}

type Place = Pick<Difference, "policy" | "baseline" | "ratePerSecond">;

/** Figures of both for each seed that both ran with. */
function pairsOf(
  runs: readonly ReportRun[],
  metric: Metric,
  { policy, baseline, ratePerSecond }: Place,
): readonly (readonly [policy: number, baseline: number])[] {
  const figures = (name: string) =>
    new Map(
      runs
        .filter((run) => run.policy === name && run.ratePerSecond === ratePerSecond)
        .map(({ summary }) => [summary.scenario.seed, metric.of(summary)]),
    );
  const before = figures(baseline);
  return [...figures(policy)].flatMap(([seed, figure]) => {
    const other = before.get(seed) ?? null;
    return figure === null || other === null ? [] : [[figure, other] as const];
  });
}

function toDifference(pairs: readonly (readonly [number, number])[], metric: Metric, place: Place): Difference {
  const [policyMean, baselineMean] = [0, 1].map((side) => meanOf(pairs.map((pair) => pair[side] ?? 0)));
  const { mean, low, high, alike } = toMeanInterval(pairs.map(([figure, other]) => figure - other))!;
  const slack = metric.error * (Math.abs(policyMean!) + Math.abs(baselineMean!));
  const interval = low === null || high === null ? { low: null, high: null } : { low: low - slack, high: high + slack };
  const showing = alike ? showAlike(pairs.length, mean, slack) : show(interval.low!, interval.high!, metric);
  return {
    ...place,
    metric: metric.id,
    pairs: pairs.length,
    policyMean: policyMean!,
    baselineMean: baselineMean!,
    mean,
    ...interval,
    showing,
  };
}

function showAlike(pairs: number, mean: number, slack: number): Showing {
  if (pairs === 1) return "one_pair";
  if (Math.abs(mean) > slack) return "unvarying";
  return slack === 0 ? "same" : "not_shown";
}

function show(low: number, high: number, { better }: Metric): Showing {
  if (low <= 0 && high >= 0) return "not_shown";
  return low > 0 === (better === "higher") ? "better" : "worse";
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
