import { formatIn, type ReportRun, shownUnit } from "../report/index.ts";
import { type Metric, metrics } from "../results/index.ts";
import type { Difference, Showing } from "./differences.ts";

/** What runs show, in sentences that are not stronger than their numbers: each names figure, rate, size and interval. */
export function toFindings(runs: readonly ReportRun[], differences: readonly Difference[]): readonly string[] {
  const policies = [...new Set(differences.map(({ policy }) => policy))];
  const sentences = policies.flatMap((policy) => {
    const own = differences.filter((difference) => difference.policy === policy);
    const varied = metrics.filter((metric) => !alikeIn(own).includes(metric));
    return [sumUp(policy, own), ...varied.flatMap((metric) => describeMetric(metric, own)), ...sayAlike(policy, own)];
  });
  return [...sentences, ...cautions(runs, differences)];
}

/** How the sentences of each kind of difference begin, in the order in which they are told. */
const beginnings: Readonly<Record<Showing, string>> = {
  better: "better",
  worse: "worse",
  not_shown: "no difference shown",
  same: "the same number in every run",
  unvarying: "off by the same in every pair, which shows nothing beyond these very requests,",
  one_pair: "nothing shown by a single pair",
};

function sumUp(policy: string, own: readonly Difference[]): string {
  const count = (...kinds: readonly Showing[]) => own.filter(({ showing }) => kinds.includes(showing)).length;
  const others = count("same", "unvarying", "one_pair");
  const rest = others === 0 ? "" : `, ${others} without an interval`;
  return `${policy} against ${own[0]?.baseline}, ${own.length} comparisons of a figure at a rate: ${count("better")} better, ${count("worse")} worse, ${count("not_shown")} with no difference shown${rest}.`;
}

/** Figures that are the same in every run. */
function alikeIn(own: readonly Difference[]): readonly Metric[] {
  return metrics.filter(({ id }) => {
    const told = own.filter(({ metric }) => metric === id);
    return told.length > 0 && told.every(({ showing }) => showing === "same");
  });
}

/** These in one sentence. */
function sayAlike(policy: string, own: readonly Difference[]): readonly string[] {
  const alike = alikeIn(own);
  if (alike.length === 0) return [];
  const names = alike.map(({ title }) => title).join("; ");
  return [`${policy} against ${own[0]?.baseline}, the same number in every run at every rate: ${names}.`];
}

function describeMetric(metric: Metric, own: readonly Difference[]): readonly string[] {
  const told = own.filter((difference) => difference.metric === metric.id);
  const [first] = told;
  if (first === undefined) return [];
  const parts = (Object.keys(beginnings) as Showing[]).flatMap((showing) => {
    const places = told.filter((difference) => difference.showing === showing);
    return places.length === 0 ? [] : [`${beginnings[showing]} ${places.map((one) => place(one, metric)).join(", ")}`];
  });
  const subject = `${first.policy} against ${first.baseline}, ${metric.title} (${metric.better} is better)`;
  return [`${subject}: ${parts.join("; ")}.`];
}

function place({ ratePerSecond, mean, low, high, baselineMean, showing, pairs }: Difference, { unit }: Metric): string {
  const where = ratePerSecond === null ? "at the workload's own rate" : `at ${ratePerSecond}/s`;
  if (showing === "same") return where;
  const size = signed(mean, unit);
  const name = unit === "share" ? "points" : shownUnit(unit);
  const interval = low === null || high === null ? "" : `, 95 % interval ${signed(low, unit)} to ${signed(high, unit)}`;
  const share = unit === "share" || baselineMean === 0 ? "" : `, ${signed(mean / baselineMean, "share")} %`;
  return `${where} by ${size} ${name} (${pairs} ${pairs === 1 ? "pair" : "pairs"}${interval}${share})`;
}

function signed(value: number, unit: string): string {
  const text = formatIn(Math.abs(value), unit);
  return value < 0 ? `−${text}` : `+${text}`;
}

/** What to know before one believes the sentences. */
function cautions(runs: readonly ReportRun[], differences: readonly Difference[]): readonly string[] {
  const intervals = differences.filter(({ low }) => low !== null).length;
  return [
    ...(intervals === 0
      ? []
      : [
          `Intervals are of paired differences (policy less baseline, same seed), by Student's t, 95 % each by itself. Of ${intervals} such intervals about ${Math.ceil(intervals / 20)} exclude 0 by chance even where policies do not differ.`,
        ]),
    ...cautionOfSuccess(differences),
    ...cautionOfWorkload(runs),
  ];
}

function cautionOfSuccess(differences: readonly Difference[]): readonly string[] {
  const apart = differences.filter(({ metric, mean }) => metric === "success" && mean !== 0);
  if (apart.length === 0) return [];
  const places = apart.map(({ policy, ratePerSecond }) => `${policy} at ${sayRate(ratePerSecond)}`);
  return [
    `Success differs from the baseline's for ${places.join(", ")}: latencies there are of requests answered whole, so not of the same requests.`,
  ];
}

/** Whether seeds vary what is asked, and whether all policies were asked the same. */
function cautionOfWorkload(runs: readonly ReportRun[]): readonly string[] {
  const byRate = Map.groupBy(runs, ({ ratePerSecond }) => ratePerSecond);
  const seedless = [...byRate].filter(([, own]) => {
    const seeds = new Set(own.map(({ summary }) => summary.scenario.seed));
    return seeds.size > 1 && new Set(own.map(({ summary }) => summary.workloadFingerprint)).size === 1;
  });
  const unpaired = [...byRate].filter(([, own]) =>
    [...Map.groupBy(own, ({ summary }) => summary.scenario.seed).values()].some(
      (pair) => new Set(pair.map(({ summary }) => summary.workloadFingerprint)).size > 1,
    ),
  );
  return [
    ...(seedless.length === 0
      ? []
      : [
          `Seeds did not vary the requests at ${sayRates(seedless)}: a recorded workload is one sample of traffic, and the intervals there only tell how far the router's own chance goes.`,
        ]),
    ...(unpaired.length === 0
      ? []
      : [
          `With the same seed policies were not asked quite the same at ${sayRates(unpaired)}: requests that answer an answer, such as turns of a chat, are sent or not by how the run went.`,
        ]),
  ];
}

function sayRates(entries: readonly (readonly [rate: number | null, ...unknown[]])[]): string {
  return entries.map(([rate]) => sayRate(rate)).join(", ");
}

function sayRate(rate: number | null): string {
  return rate === null ? "the workload's own rate" : `${rate}/s`;
}
