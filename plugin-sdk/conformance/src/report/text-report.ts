import type { RuleResult } from "../rule.ts";
import type { VerifyReport } from "../verify.ts";

const marks = { passed: "ok  ", failed: "FAIL", warned: "warn", skipped: "skip" } as const;

/** How often each outcome came. */
export function countOutcomes(results: readonly RuleResult[]): Readonly<Record<RuleResult["outcome"], number>> {
  const counts = { passed: 0, failed: 0, warned: 0, skipped: 0 };
  for (const { outcome } of results) counts[outcome] += 1;
  return counts;
}

/** The report for people; rules that were skipped are gathered by reason. */
export function toTextReport(report: VerifyReport, subject: string): string {
  const { results } = report;
  const told = results.filter(({ outcome }) => outcome !== "skipped").flatMap(toLines);
  const head = [`outrider plugin verify: ${subject}`, toHead(report), ""];
  return [...head, ...told, ...toSkippedLines(results), "", toSummary(report), ""].join("\n");
}

function toHead({ plugin, version, level, types, seed }: VerifyReport): string {
  if (level === undefined) return `not reached; seed ${seed}`;
  const name = plugin === "" ? "a plugin that knows Score alone" : `${plugin} ${version}`;
  return `${name}, level ${level}, types ${types.join(", ")}; seed ${seed}`;
}

function toLines({ rule, outcome, remarks, finding }: RuleResult): readonly string[] {
  const head = `  ${marks[outcome]}  ${rule.id.padEnd(4)} ${rule.title}`;
  if (outcome === "passed") return [head];
  const found =
    finding === undefined
      ? []
      : [
          ["expected", finding.expected],
          ["came", finding.came],
          ...(finding.frame === "" ? [] : [["frame", finding.frame]]),
        ];
  const lines = [...found, ...remarks.map((remark) => ["noticed", remark]), ["remedy", rule.remedy]];
  return [head, ...lines.map(([name, text]) => `             ${name!.padEnd(8)}  ${indent(text!)}`)];
}

/** A line a reason. */
function toSkippedLines(results: readonly RuleResult[]): readonly string[] {
  const skipped = results.filter(({ outcome }) => outcome === "skipped");
  const byReason = Map.groupBy(skipped, ({ remarks }) => remarks.join("; "));
  return [...byReason].map(([reason, some]) => {
    return `  ${marks.skipped}  ${toRanges(some.map(({ rule }) => rule.id))}: ${reason}`;
  });
}

/** Ids with neighbours joined, such as `C2–C5, C7`. */
function toRanges(ids: readonly string[]): string {
  const ranges: string[][] = [];
  for (const id of ids) {
    const last = ranges.at(-1);
    if (last !== undefined && numberOf(id) === numberOf(last.at(-1)!) + 1) last.push(id);
    else ranges.push([id]);
  }
  return ranges.map((range) => (range.length > 1 ? `${range[0]}–${range.at(-1)}` : range[0]!)).join(", ");
}

function numberOf(id: string): number {
  return Number(id.slice(1));
}

/** Lines behind the first stand below it. */
function indent(text: string): string {
  return text.replaceAll("\n", `\n${" ".repeat(23)}`);
}

function toSummary({ results, latency, durationMs }: VerifyReport): string {
  const { passed, failed, warned, skipped } = countOutcomes(results);
  const summary = `${results.length} rules: ${passed} passed, ${failed} failed, ${warned} warned, ${skipped} skipped; ${(durationMs / 1000).toFixed(1)} s`;
  if (latency === undefined) return summary;
  const { calls, p50Ms, p99Ms, withinBudget, budgetMs } = latency;
  const times = `p50 ${p50Ms.toFixed(2)} ms, p99 ${p99Ms.toFixed(2)} ms`;
  return `${summary}\n${calls} calls: ${times}, ${(100 * withinBudget).toFixed(1)} % within ${budgetMs} ms`;
}
