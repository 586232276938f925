import type { RequestOutcome, RunEnd, RunObserver, Scenario } from "../contract/index.ts";
import { createFingerprint } from "./fingerprint.ts";
import { createMeter, type Meter } from "./measures.ts";
import { toNumber } from "./numbers.ts";
import { toScenarioFacts } from "./scenario-facts.ts";
import { createServerMeters } from "./server-meters.ts";
import { createTimelineMeter } from "./timeline.ts";
import type { RunSummary } from "./types.ts";

/** Parts of a workload that are told apart; others are told together. */
const maxParts = 32;

/** Hears a run and tells what came of it, in memory that does not grow with the requests. */
export interface Results extends RunObserver {
  /** What came of the run so far; may be asked for again. */
  summary(end: RunEnd): RunSummary;
}

/** Results of a run that has not begun. */
export function createResults(scenario: Scenario): Results {
  const all = createMeter();
  const parts = createPartMeters();
  const servers = createServerMeters(scenario.servers);
  const timeline = createTimelineMeter();
  const fingerprint = createFingerprint();
  let ended = 0;
  let warmUp = 0;
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = 0;

  return {
    ended(outcome) {
      ended++;
      timeline.record(outcome);
      fingerprint.add(outcome.request);
      if (outcome.sentMs < scenario.warmUpMs) {
        warmUp++;
        return;
      }
      fromMs = Math.min(fromMs, outcome.sentMs);
      toMs = Math.max(toMs, outcome.endMs);
      all.record(outcome);
      parts.record(outcome);
      servers.record(outcome);
    },
    sampled: (sample) => servers.sample(sample),
    summary: (end) => ({
      format: "outrider.lab.summary.v1",
      scenario: toScenarioFacts(scenario),
      cutShort: end.cutShort ?? null,
      endMs: toNumber(end.endMs) ?? 0,
      sent: end.sent,
      ended,
      warmUp,
      measured: toMs > fromMs ? { fromMs, toMs } : null,
      workloadFingerprint: fingerprint.hex,
      picksSha256: end.picksSha256,
      all: all.measures(toMs - fromMs),
      parts: parts.measures(toMs - fromMs),
      timeline: timeline.timeline(),
      ...servers.summaries(),
      plugins: end.plugins,
    }),
  };
}

/** A meter a part of the workload, and one for those beyond the most that are told apart. */
function createPartMeters() {
  const meters = new Map<string, Meter>();
  const meterOf = (part: string): Meter => {
    const known = meters.get(part);
    if (known !== undefined) return known;
    if (meters.size >= maxParts && part !== "(others)") return meterOf("(others)");
    const fresh = createMeter();
    meters.set(part, fresh);
    return fresh;
  };
  return {
    record: (outcome: RequestOutcome) => meterOf(outcome.request.part).record(outcome),
    measures: (overMs: number) =>
      Object.fromEntries([...meters].map(([part, meter]) => [part, meter.measures(overMs)])),
  };
}
