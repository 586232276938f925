import type { VerifyReport } from "../verify.ts";
import { countOutcomes } from "./text-report.ts";

/** The report for scripts, on one line. */
export function toJsonReport(report: VerifyReport, subject: string): string {
  const { plugin, version, level, types, seed, results, latency, durationMs } = report;
  return JSON.stringify({
    subject,
    plugin,
    version,
    level: level ?? null,
    types,
    seed,
    ...countOutcomes(results),
    latency: latency ?? null,
    durationMs: Math.round(durationMs),
    rules: results.map(({ rule, outcome, remarks, finding, durationMs: ruleMs }) => ({
      id: rule.id,
      title: rule.title,
      outcome,
      remarks,
      ...finding,
      ...(outcome === "failed" || outcome === "warned" ? { remedy: rule.remedy } : {}),
      durationMs: Math.round(ruleMs),
    })),
  });
}
