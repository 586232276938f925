import { toTable } from "@outrider/host/commands/text-table";
import { toComparisonJson } from "../compare/index.ts";
import { formatIn, groupRuns, policiesOf, type Report, shownUnit, toPoint } from "../report/index.ts";
import { metrics } from "../results/index.ts";
import type { CaseComparison } from "./run-cases.ts";

/** Figures that the text shows, by id, and how it names them; reports have all of them. */
const heads: Readonly<Record<string, string>> = {
  "total-throughput": "throughput",
  success: "success",
  "ttft-mean": "TTFT",
  "itl-mean": "ITL",
  "normalised-mean": "per token",
  "hit-rate": "prefix hits",
  "busiest-server": "busiest server",
};
const shown = metrics.filter(({ id }) => Object.hasOwn(heads, id));

/** An experiment as people read it on a terminal: a table a case, means over the seeds. Ends with a line break. */
export function experimentText(name: string, cases: readonly CaseComparison[]): string {
  const tables = cases.map(({ name: own, comparison: { report } }) => {
    const partial = report.partial === null ? "" : `PARTIAL: ${report.partial}\n`;
    return `\n${own}: ${conditionsOf(report)}\n${partial}${report.runs.length === 0 ? "" : caseTable(report)}`;
  });
  return `${name}\n${tables.join("")}\nTimes in ms, throughput in tokens/s, prompts included. Simulated, not measured.\n`;
}

/** An experiment for programs: every comparison as `outrider compare --json` has it. */
export function toExperimentJson(name: string, cases: readonly CaseComparison[]): string {
  const partial = cases.some(({ comparison: { report } }) => report.partial !== null);
  const comparisons = cases.map(({ name: own, comparison }) => ({
    name: own,
    comparison: JSON.parse(toComparisonJson(comparison)) as unknown,
  }));
  return JSON.stringify({ format: "outrider.lab.experiment.v1", name, partial, cases: comparisons });
}

/** Servers, client time-out and seeds: what success depends on. */
function conditionsOf({ runs }: Report): string {
  if (runs.length === 0) return "no run was made";
  const seeds = new Set(runs.map(({ summary }) => summary.scenario.seed));
  const facts = runs.map(({ summary: { scenario } }) => {
    return `${scenario.servers.join(" + ")}; client time-out ${scenario.settings["client time-out"] ?? "none"}`;
  });
  return [...new Set(facts), `seeds ${[...seeds].join(", ")}`].join("; ");
}

function caseTable({ runs }: Report): string {
  const order = policiesOf(runs);
  const groups = groupRuns(runs).toSorted((a, b) => order.indexOf(a.policy) - order.indexOf(b.policy));
  const units = shown.map(({ id, unit }) => (unit === "share" ? `${heads[id]}, ${shownUnit(unit)}` : heads[id]!));
  return toTable(
    ["policy", "req/s", ...units],
    groups.map(({ policy, ratePerSecond, summaries }) => [
      policy,
      ratePerSecond === null ? "own" : String(ratePerSecond),
      ...shown.map(({ of, unit }) => formatIn(toPoint(0, summaries, of).y, unit)),
    ]),
  );
}
