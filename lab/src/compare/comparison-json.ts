import { versions } from "../report/index.ts";
import { metrics } from "../results/index.ts";
import type { Comparison } from "./compare.ts";

/** A comparison for programs: every difference, and which runs it is made of. */
export function toComparisonJson({ report, differences, made, failed }: Comparison): string {
  const { title, findings, partial } = report;
  return JSON.stringify({
    format: "outrider.lab.comparison.v1",
    versions,
    title,
    partial,
    findings,
    differences,
    runs: made.map(({ job: { policy, ratePerSecond, seed }, key, summary }) => ({
      policy,
      ratePerSecond,
      seed,
      key,
      picksSha256: summary.picksSha256,
      workloadFingerprint: summary.workloadFingerprint,
      figures: Object.fromEntries(metrics.map(({ id, of }) => [id, of(summary)])),
    })),
    failed: failed.map(({ job: { policy, ratePerSecond, seed }, message }) => ({
      policy,
      ratePerSecond,
      seed,
      message,
    })),
  });
}
