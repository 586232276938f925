import { describe, expect, it } from "vitest";
import type { RequestOutcome } from "../contract/index.ts";
import {
  madeEnd as end,
  madeOutcome as outcome,
  madeRequest as request,
  madeScenario as scenario,
} from "./fixtures/made-outcomes.ts";
import { createResults } from "./results.ts";

describe("results", () => {
  it("says nothing of no requests, as plain JSON", () => {
    const summary = createResults(scenario()).summary(end);
    expect(summary.measured).toBeNull();
    expect(summary.all.successShare).toBeNull();
    expect(summary.all.throughput.outputTokensPerSecond).toBeNull();
    expect(summary.all.ttftMs).toEqual({
      count: 0,
      mean: null,
      min: null,
      max: null,
      p50: null,
      p90: null,
      p95: null,
      p99: null,
      p999: null,
      curve: [],
    });
    expect(summary.servers.map(({ running }) => running)).toEqual([[], []]);
    expect(JSON.parse(JSON.stringify(summary))).toEqual(summary);
  });

  it("counts requests that all failed, and no latency of them", () => {
    const results = createResults(scenario());
    for (const kind of ["failed", "refused", "timed_out"] as const) {
      results.ended(outcome({ kind, status: 503, ttftMs: Number.NaN, outputTokens: 0, cachedTokens: Number.NaN }));
    }
    const { all } = results.summary(end);
    expect(all.outcomes).toEqual({ ok: 0, timed_out: 1, aborted: 0, refused: 1, failed: 1 });
    expect(all.statuses).toEqual({ 503: 3 });
    expect([all.successShare, all.ttftMs.count, all.cache.hitRate]).toEqual([0, 0, null]);
    expect(all.throughput.outputTokensPerSecond).toBe(0);
  });

  it("leaves an answer of one token out of TPOT and ITL", () => {
    const results = createResults(scenario());
    results.ended(outcome({ outputTokens: 1 }));
    const { all } = results.summary(end);
    expect([all.ttftMs.count, all.tpotMs.count, all.itlMs.count]).toEqual([1, 0, 0]);
  });

  it("weighs ITL by gaps, and TPOT by requests", () => {
    const results = createResults(scenario());
    results.ended(outcome({ sentMs: 0, ttftMs: 100, endMs: 200, outputTokens: 11 }));
    results.ended(outcome({ sentMs: 0, ttftMs: 100, endMs: 3100, outputTokens: 101 }));
    const { all } = results.summary(end);
    expect(all.tpotMs.mean).toBe(20);
    expect(all.itlMs.mean).toBeCloseTo(3100 / 110, 6);
    expect(all.normalisedMs.mean).toBeCloseTo((200 / 11 + 3100 / 101) / 2, 6);
  });

  it("measures throughput from the first request sent to the last one ended, behind the warm-up", () => {
    const results = createResults(scenario({ warmUpMs: 1000 }));
    results.ended(outcome({ sentMs: 0, endMs: 1500, outputTokens: 999 }));
    results.ended(outcome({ sentMs: 1000, endMs: 2000, outputTokens: 40 }));
    results.ended(outcome({ sentMs: 1500, endMs: 3000, outputTokens: 60, kind: "timed_out", status: 0 }));
    const summary = results.summary(end);
    expect(summary.measured).toEqual({ fromMs: 1000, toMs: 3000 });
    expect([summary.ended, summary.warmUp, summary.all.requests]).toEqual([3, 1, 2]);
    expect(summary.all.throughput).toMatchObject({
      requestsPerSecond: 0.5,
      outputTokensPerSecond: 20,
      anyOutputTokensPerSecond: 50,
      totalTokensPerSecond: 70,
    });
    expect(summary.timeline.sent[0]).toBe(1);
  });

  it("tells what was believed of caches from what was there, where somebody said", () => {
    const results = createResults(scenario());
    results.ended(outcome({ cachedTokens: 80, believedTokens: 60 }));
    results.ended(outcome({ cachedTokens: 0, believedTokens: 20 }));
    results.ended(outcome({ cachedTokens: 100, believedTokens: Number.NaN }));
    expect(results.summary(end).all.cache).toEqual({
      promptTokens: 300,
      cachedTokens: 180,
      hitRate: 0.6,
      believedShare: 0.666666667,
      believedHitRate: 0.4,
      hitRateWhereBelieved: 0.4,
      believedError: 0.2,
    });
  });

  it("keeps its size with parts without number", () => {
    const results = createResults(scenario());
    for (let i = 0; i < 100; i++) results.ended(outcome({ request: request({ part: `part-${i}` }) }));
    const { parts } = results.summary(end);
    expect(Object.keys(parts)).toHaveLength(33);
    expect(parts["(others)"]?.requests).toBe(68);
  });

  it("tells the load of each server in a bounded number of points, and what it was sent", () => {
    const results = createResults(scenario());
    for (let i = 0; i < 100_000; i++) {
      results.sampled({ atMs: i * 100, server: 0, running: 4, waiting: i % 2, kvUsage: 0.5 });
    }
    results.ended(outcome({ server: 1 }));
    results.ended(outcome({ server: -1, kind: "refused", status: 429 }));
    const { servers, loadIntervalMs } = results.summary(end);
    expect(servers[0]?.running.length).toBeLessThanOrEqual(256);
    expect(servers[0]?.running.length).toBe(Math.ceil(10_000_000 / loadIntervalMs));
    expect([servers[0]?.running[0], servers[0]?.waiting[0], servers[0]?.waitingMax[0]]).toEqual([4, 0.5, 1]);
    expect(servers[1]?.running).toEqual(servers[0]?.running.map(() => null));
    expect(servers.map(({ requests }) => requests)).toEqual([0, 1]);
  });

  it("leaves no gaps between samples a second apart, and one where a server was away", () => {
    const results = createResults(scenario());
    for (let second = 0; second < 400; second++) {
      results.sampled({ atMs: second * 1000, server: 0, running: 1, waiting: 0, kvUsage: 0 });
      if (second < 100) results.sampled({ atMs: second * 1000, server: 1, running: 1, waiting: 0, kvUsage: 0 });
    }
    const [steady, left] = results.summary(end).servers;
    expect(new Set(steady?.running)).toEqual(new Set([1]));
    expect(left?.running.indexOf(null)).toBe(50);
  });

  const judged = [
    { title: "one in time", change: {}, want: [1, 0, 0] },
    { title: "one with a late first token", change: { ttftMs: 101, endMs: 400 }, want: [0, 1, 0] },
    { title: "one with slow tokens", change: { endMs: 2000 }, want: [0, 1, 0] },
    { title: "one that failed", change: { kind: "failed", ttftMs: Number.NaN }, want: [0, 1, 0] },
    {
      title: "one whose client left early",
      change: { kind: "aborted", ttftMs: Number.NaN, endMs: 60 },
      want: [0, 0, 1],
    },
    { title: "one whose client left late", change: { kind: "aborted", ttftMs: Number.NaN }, want: [0, 1, 0] },
  ] as const;
  for (const { title, change, want } of judged) {
    it(`judges ${title} by its targets`, () => {
      const results = createResults(scenario());
      const slo = request({ sloTtftMs: 100, sloTpotMs: 20 });
      results.ended(outcome({ request: slo, ...change }));
      results.ended(outcome({}));
      const { met, missed, unjudged } = results.summary(end).all.slo;
      expect([met, missed, unjudged]).toEqual(want);
    });
  }

  it("knows the same requests again, in any order and whatever became of them", () => {
    const fingerprint = (outcomes: readonly RequestOutcome[]) => {
      const results = createResults(scenario());
      for (const each of outcomes) results.ended(each);
      return results.summary(end).workloadFingerprint;
    };
    const [a, b] = [request({ promptTokens: 7 }), request({ blockKeys: Float64Array.of(2 ** 40) })];
    const one = fingerprint([outcome({ request: a }), outcome({ request: b })]);
    expect(fingerprint([outcome({ request: b, kind: "failed" }), outcome({ request: a, endMs: 9 })])).toBe(one);
    expect(fingerprint([outcome({ request: a }), outcome({ request: a })])).not.toBe(one);
    expect(one).toMatch(/^[\da-f]{16}$/);
  });

  it("states the scenario without the folders that it came from", () => {
    const facts = createResults(scenario({ configName: "/home/somebody/a.yaml" })).summary(end).scenario;
    expect(facts.configName).toBe("a.yaml");
    expect(facts.servers).toEqual(["2 × qwen3-32b:h100:2"]);
    expect(facts.settings["client time-out"]).toBe("none");
  });
});
