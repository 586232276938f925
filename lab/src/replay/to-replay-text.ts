import type { Move } from "./moves.ts";
import type { DecisionDifference, PluginComparison, ReplayReport, ScorerReason } from "./replay-report.ts";

/** A report as people read it. */
export function toReplayText(report: ReplayReport): string {
  const { isRecorded } = report.configuration;
  const lines = [
    ...describeWhat(report),
    ...describeAgreement(report),
    ...section("first differences", isRecorded ? report.differences.map(describeDifference) : []),
    ...section("went -> would go", describeMatrix(report)),
    ...section(
      "why",
      report.causes.map(({ cause, by, count }) => `${count} by ${cause}${by === "" ? "" : ` ${by}`}`),
    ),
    ...section("what scorers say for the new pick against the old one (mean share of the total)", [
      ...report.scorers.map(describeReason),
    ]),
    ...section("answers of plugins", report.plugins.map(describePlugin)),
    ...section("requests that would go elsewhere", report.moves.map(describeMove)),
    ...section("not in the recording", describeLacking(report)),
    verdict(report),
  ];
  return `${lines.join("\n")}\n`;
}

function describeWhat({ recording, configuration, replayed, skipped }: ReplayReport): readonly string[] {
  const { decisions, parts, isWhole, dropped } = recording;
  const from = isWhole ? "from its host's first decision on" : "begun when its host had decided before, or with gaps";
  const gaps = dropped === 0 ? "" : `, ${plural(dropped, "entry", "entries")} missed`;
  const which = configuration.isRecorded ? "the recorded configuration" : configuration.name;
  const left = Object.entries(skipped).map(([why, count]) => `${count} ${why.replaceAll("_", " ")}`);
  return [
    `${plural(decisions, "decision")} in ${plural(parts, "part")}, ${from}${gaps}`,
    `made again under ${which}: ${replayed}${left.length === 0 ? "" : `; not: ${left.join(", ")}`}`,
  ];
}

function describeAgreement(report: ReplayReport): readonly string[] {
  const { replayed, samePick, agreement, identical, learnedBefore, repeatedMisses, unreadableSteps } = report;
  if (agreement === null) return [];
  const why = learnedBefore === 0 ? "" : `; ${learnedBefore} differ by what was learned before the recording began`;
  return [
    `same pick: ${samePick} of ${replayed} (${(100 * agreement).toFixed(2)} %)`,
    `same bit by bit: ${identical} of ${replayed}${why}`,
    ...(repeatedMisses === 0 ? [] : [`${plural(repeatedMisses, "answer")} missing as when it was recorded`]),
    ...(unreadableSteps === 0 ? [] : [`${plural(unreadableSteps, "step")} of the endpoint table unreadable`]),
  ];
}

function section(title: string, lines: readonly string[]): readonly string[] {
  return lines.length === 0 ? [] : ["", `${title}:`, ...lines.map((line) => `  ${line}`)];
}

/** Cells shown; the JSON has all. */
const shownCells = 20;

function describeMatrix({ matrix }: ReplayReport): readonly string[] {
  const shown = matrix.slice(0, shownCells).map(({ from, to, count }) => `${nameOf(from)} -> ${nameOf(to)}: ${count}`);
  const left = matrix.slice(shownCells).reduce((sum, { count }) => sum + count, 0);
  return left === 0 ? shown : [...shown, `others: ${left}`];
}

function nameOf(endpoint: string): string {
  return endpoint === "" ? "(refused)" : endpoint;
}

function describeReason({ scorer, decided, gain, gainRecorded }: ScorerReason): string {
  const before = gainRecorded === null ? "no part in it before" : `${signed(gainRecorded)} before`;
  return `${scorer}: ${signed(gain)}, ${before}; said most for ${decided}`;
}

function describePlugin({ name, type, compared, differing, meanChange }: PluginComparison): string {
  const what = name === type ? name : `${name} (${type})`;
  if (differing === 0) return `${what}: the same ${compared} times`;
  return `${what}: other than recorded in ${differing} of ${compared}, by ${meanChange.toPrecision(3)} in the mean`;
}

function describeDifference({ decisionId, source, name, what, isLearnedBefore }: DecisionDifference): string {
  const by = name === "" ? source : `${source} ${name}`;
  return `${decisionId}, ${by}: ${what}${isLearnedBefore ? " (may have learned before the recording began)" : ""}`;
}

function describeMove({ decisionId, from, to, cause, by, gains }: Move): string {
  const shares = gains.filter(({ now }) => !Number.isNaN(now)).map(({ scorer, now }) => `${scorer} ${signed(now)}`);
  const why = [`${cause}${by === "" ? "" : ` ${by}`}`, ...(shares.length === 0 ? [] : [shares.join(", ")])].join(": ");
  return `${decisionId}: ${nameOf(from)} -> ${nameOf(to)}, ${why}`;
}

function describeLacking({ lacking }: ReplayReport): readonly string[] {
  return Object.entries(lacking).map(([what, count]) => `${what}, for ${plural(count, "decision")}`);
}

function verdict({ configuration, replayed, agrees, identical, learnedBefore }: ReplayReport): string {
  if (replayed === 0) return "\nno decision could be made again";
  if (!configuration.isRecorded) return "";
  if (!agrees) return `\nthey differ: ${replayed - identical - learnedBefore} decisions without a known reason`;
  return identical === replayed ? "\nall agree bit by bit" : "\nall agree but for what was learned before";
}

function signed(value: number): string {
  return `${value < 0 ? "" : "+"}${value.toFixed(3)}`;
}

function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}
