import type { OutcomeKind, RequestOutcome } from "../contract/index.ts";
import { toDistribution } from "./distribution.ts";
import { createHistogram } from "./histogram.ts";
import { toNumber, toShare } from "./numbers.ts";
import { judgeSlo, tpotOf } from "./slo.ts";
import type { CacheSummary, Measures } from "./types.ts";

/** Ways to end, in the order in which they are told. */
export const outcomeKinds: readonly OutcomeKind[] = ["ok", "timed_out", "aborted", "refused", "failed"];

/** Counts a set of requests. */
export interface Meter {
  /** Counts a request that ended. */
  record(outcome: RequestOutcome): void;
  /** @param overMs measured time; 0 or less = none. */
  measures(overMs: number): Measures;
}

/** A meter that has counted nothing; about 350 kB. */
export function createMeter(): Meter {
  const outcomes = { ok: 0, timed_out: 0, aborted: 0, refused: 0, failed: 0 };
  const statuses = new Map<number, number>();
  const verdicts = { met: 0, missed: 0, unjudged: 0, none: 0 };
  const tokens = { prompt: 0, output: 0, anyOutput: 0 };
  const latencies = createLatencies();
  const decisionMs = createHistogram();
  const cache = createCacheMeter();
  let requests = 0;

  return {
    record(outcome) {
      requests++;
      outcomes[outcome.kind]++;
      statuses.set(outcome.status, (statuses.get(outcome.status) ?? 0) + 1);
      verdicts[judgeSlo(outcome)]++;
      tokens.anyOutput += outcome.outputTokens;
      decisionMs.record(outcome.decisionMs);
      cache.record(outcome);
      if (outcome.kind !== "ok") return;
      tokens.prompt += outcome.request.promptTokens;
      tokens.output += outcome.outputTokens;
      latencies.record(outcome);
    },
    measures(overMs) {
      const rate = (count: number) => (overMs > 0 ? toNumber((count * 1000) / overMs) : null);
      const judged = verdicts.met + verdicts.missed;
      return {
        requests,
        outcomes: { ...outcomes },
        statuses: Object.fromEntries([...statuses].toSorted(([a], [b]) => a - b)),
        successShare: toShare(outcomes.ok, requests - outcomes.aborted),
        throughput: {
          requestsPerSecond: rate(outcomes.ok),
          outputTokensPerSecond: rate(tokens.output),
          totalTokensPerSecond: rate(tokens.prompt + tokens.output),
          anyOutputTokensPerSecond: rate(tokens.anyOutput),
          goodputRequestsPerSecond: judged === 0 ? null : rate(verdicts.met),
        },
        ...latencies.distributions(),
        decisionMs: toDistribution(decisionMs),
        cache: cache.summary(),
        slo: {
          met: verdicts.met,
          missed: verdicts.missed,
          unjudged: verdicts.unjudged,
          attainment: toShare(verdicts.met, judged),
        },
      };
    },
  };
}

/** Latencies of requests answered whole. */
function createLatencies() {
  const ttftMs = createHistogram();
  const tpotMs = createHistogram();
  const itlMs = createHistogram();
  const normalisedMs = createHistogram();
  const endToEndMs = createHistogram();
  return {
    record(outcome: RequestOutcome) {
      const { sentMs, endMs, outputTokens } = outcome;
      const gapMs = tpotOf(outcome);
      ttftMs.record(outcome.ttftMs);
      tpotMs.record(gapMs);
      itlMs.record(gapMs, Math.max(0, outputTokens - 1));
      normalisedMs.record((endMs - sentMs) / outputTokens);
      endToEndMs.record(endMs - sentMs);
    },
    distributions: () => ({
      ttftMs: toDistribution(ttftMs),
      tpotMs: toDistribution(tpotMs),
      itlMs: toDistribution(itlMs),
      normalisedMs: toDistribution(normalisedMs),
      endToEndMs: toDistribution(endToEndMs),
    }),
  };
}

/** Prefix caches: what was there, and what was believed of it. */
function createCacheMeter() {
  const all = { requests: 0, prompt: 0, cached: 0 };
  const believed = { requests: 0, prompt: 0, cached: 0, believed: 0, apart: 0 };
  return {
    record({ ttftMs, request, cachedTokens, believedTokens }: RequestOutcome) {
      if (Number.isNaN(ttftMs) || Number.isNaN(cachedTokens)) return;
      all.requests++;
      all.prompt += request.promptTokens;
      all.cached += cachedTokens;
      if (Number.isNaN(believedTokens)) return;
      believed.requests++;
      believed.prompt += request.promptTokens;
      believed.cached += cachedTokens;
      believed.believed += believedTokens;
      believed.apart += Math.abs(believedTokens - cachedTokens);
    },
    summary: (): CacheSummary => ({
      promptTokens: all.prompt,
      cachedTokens: all.cached,
      hitRate: toShare(all.cached, all.prompt),
      believedShare: toShare(believed.requests, all.requests),
      believedHitRate: toShare(believed.believed, believed.prompt),
      hitRateWhereBelieved: toShare(believed.cached, believed.prompt),
      believedError: toShare(believed.apart, believed.prompt),
    }),
  };
}
