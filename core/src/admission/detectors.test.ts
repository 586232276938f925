import { describe, expect, it } from "vitest";
import { callOf, type GivenEndpoint, measuredAtMs, tableOf } from "../filters/fixtures/calls.ts";
import type { EndpointTable } from "../table/types.ts";
import {
  type ConcurrencyDetectorOptions,
  createConcurrencyDetector,
  createConcurrencyDetectorFilter,
} from "./concurrency-detector.ts";
import { saturationByStage } from "./stage-saturation.ts";
import type { PoolView } from "./types.ts";
import { createUtilizationDetector, createUtilizationDetectorFilter } from "./utilization-detector.ts";

const utilization = {
  queueDepthThreshold: 5,
  kvCacheUtilThreshold: 0.8,
  metricsStalenessMs: 200,
  headroom: 0,
};
const loaded = (waiting_requests: number, kv_cache_usage: number, labels = {}): GivenEndpoint => ({
  labels,
  values: { waiting_requests, kv_cache_usage },
});

function poolOf({ current, inflight }: EndpointTable, nowMs = measuredAtMs): PoolView {
  return { snapshot: current, slots: current.live, inflight, nowMs };
}

describe("the utilization detector", () => {
  const cases = [
    { title: "is full where there is no endpoint", endpoints: [], want: 1 },
    { title: "is full where nothing was ever measured", endpoints: [{}], want: 1 },
    { title: "is full where one of the two is unknown", endpoints: [{ values: { waiting_requests: 0 } }], want: 1 },
    { title: "is idle where both are 0", endpoints: [loaded(0, 0)], want: 0 },
    { title: "goes by the queue where that is fuller", endpoints: [loaded(4, 0.4)], want: 0.8 },
    { title: "goes by the KV cache where that is fuller", endpoints: [loaded(1, 0.6)], want: 0.75 },
    { title: "is full at the threshold of the KV cache", endpoints: [loaded(0, 0.8)], want: 1 },
    { title: "grows beyond full", endpoints: [loaded(20, 0)], want: 4 },
    { title: "is the mean over endpoints", endpoints: [loaded(0, 0), loaded(5, 0), loaded(10, 0)], want: 1 },
    { title: "counts the unknown as full among others", endpoints: [loaded(0, 0), {}], want: 0.5 },
  ];
  for (const { title, endpoints, want } of cases) {
    it(title, () => {
      const detector = createUtilizationDetector("d", utilization);
      expect(detector.saturation(poolOf(tableOf(endpoints)))).toBeCloseTo(want, 6);
    });
  }

  it("counts what is older than its limit as full, and tells it stale", () => {
    const detector = createUtilizationDetector("d", utilization);
    const table = tableOf([loaded(0, 0), loaded(0, 0), loaded(0, 0)]);
    table.setValue(1, "waiting_requests", 0, measuredAtMs + 100);
    table.setValue(1, "kv_cache_usage", 0, measuredAtMs + 100);
    table.setValue(2, "waiting_requests", 0, measuredAtMs + 100);
    table.publish(measuredAtMs + 100);
    const staleAt = (nowMs: number) => [0, 1, 2].map((slot) => detector.isStale!(poolOf(table, nowMs), slot));
    expect(detector.saturation(poolOf(table, measuredAtMs + 200))).toBe(0);
    expect(staleAt(measuredAtMs + 200)).toEqual([false, false, false]);
    expect(detector.saturation(poolOf(table, measuredAtMs + 201))).toBeCloseTo(2 / 3, 12);
    expect(staleAt(measuredAtMs + 201)).toEqual([true, false, true]);
  });

  const filters = [
    {
      title: "drops who is at a limit",
      endpoints: [loaded(4, 0.79), loaded(5, 0), loaded(0, 0.8)],
      headroom: 0,
      want: [0],
    },
    {
      title: "raises both limits by the headroom",
      endpoints: [loaded(5, 0), loaded(6, 0), loaded(0, 0.95)],
      headroom: 0.2,
      want: [0, 2],
    },
    { title: "drops the unknown", endpoints: [{}, loaded(1, 0.1)], headroom: 0, want: [1] },
    { title: "keeps all where none is below", endpoints: [loaded(9, 0), {}], headroom: 0, want: [0, 1] },
  ];
  for (const { title, endpoints, headroom, want } of filters) {
    it(`as a filter ${title}`, () => {
      const filter = createUtilizationDetectorFilter("f", { ...utilization, headroom });
      expect([...filter.filter(callOf(tableOf(endpoints).current))]).toEqual(want);
    });
  }

  it("as a filter drops the stale, and keeps all where all are", () => {
    const filter = createUtilizationDetectorFilter("f", utilization);
    const table = tableOf([loaded(0, 0), loaded(0, 0)]);
    table.setValue(1, "waiting_requests", 0, measuredAtMs + 100);
    table.setValue(1, "kv_cache_usage", 0, measuredAtMs + 100);
    table.publish(measuredAtMs + 100);
    const keptAt = (nowMs: number) => [...filter.filter(callOf(table.current, { nowMs }))];
    expect(keptAt(measuredAtMs + 200)).toEqual([0, 1]);
    expect(keptAt(measuredAtMs + 201)).toEqual([1]);
    expect(keptAt(measuredAtMs + 301)).toEqual([0, 1]);
  });
});

describe("the concurrency detector", () => {
  const options: ConcurrencyDetectorOptions = {
    concurrencyMode: "requests",
    maxConcurrency: 100,
    maxTokenConcurrency: 1_000,
    headroom: 0,
  };
  const sent = (...counts: readonly (readonly [requests: number, tokens: number])[]) => {
    const table = tableOf(counts.map(() => ({})));
    for (const [slot, [requests, tokens]] of counts.entries()) {
      table.inflight.requests[slot] = requests;
      table.inflight.promptTokens[slot] = tokens;
    }
    return table;
  };

  const cases = [
    { mode: "requests", counts: [], want: 1 },
    { mode: "requests", counts: [[0, 5_000]], want: 0 },
    {
      mode: "requests",
      counts: [
        [150, 0],
        [0, 0],
      ],
      want: 0.75,
    },
    {
      mode: "tokens",
      counts: [
        [150, 500],
        [0, 0],
      ],
      want: 0.25,
    },
    {
      mode: "hybrid",
      counts: [
        [50, 1_000],
        [100, 0],
      ],
      want: 1,
    },
    {
      mode: "hybrid",
      counts: [
        [50, 0],
        [0, 100],
      ],
      want: 0.3,
    },
  ] as const;
  for (const { mode, counts, want } of cases) {
    it(`by ${mode} is ${want} for ${JSON.stringify(counts)}`, () => {
      const detector = createConcurrencyDetector("d", { ...options, concurrencyMode: mode });
      expect(detector.saturation(poolOf(sent(...counts)))).toBeCloseTo(want, 6);
    });
  }

  const filters = [
    { mode: "requests", headroom: 0, want: [0, 3] },
    { mode: "requests", headroom: 0.5, want: [0, 1, 3] },
    { mode: "tokens", headroom: 0, want: [0, 1, 2] },
    { mode: "hybrid", headroom: 0, want: [0] },
  ] as const;
  const table = sent([99, 999], [100, 0], [150, 0], [0, 1_000]);
  for (const { mode, headroom, want } of filters) {
    it(`as a filter by ${mode} with headroom ${headroom} keeps ${want.join()}`, () => {
      const filter = createConcurrencyDetectorFilter("f", { ...options, concurrencyMode: mode, headroom });
      expect([...filter.filter(callOf(table.current, { inflight: table.inflight }))]).toEqual(want);
    });
  }

  it("as a filter keeps all where none is below its limit", () => {
    const full = sent([100, 0], [200, 0]);
    const call = callOf(full.current, { inflight: full.inflight });
    expect(createConcurrencyDetectorFilter("f", options).filter(call)).toBe(call.candidates);
  });
});

describe("saturationByStage", () => {
  const detector = createUtilizationDetector("d", utilization);
  const role = (name: string) => ({ "llm-d.ai/role": name });
  const cases = [
    {
      title: "lets neither part hide behind the other",
      endpoints: [loaded(10, 0, role("prefill")), loaded(0, 0, role("decode")), loaded(1, 0, role("decode"))],
      want: { prefill: 2, decode: 0.1, effective: 2 },
    },
    {
      title: "counts those that do both in both",
      endpoints: [loaded(10, 0, role("prefill")), loaded(0, 0, role("prefill-decode")), loaded(5, 0)],
      want: { prefill: 1, decode: 0.5, effective: 1 },
    },
    {
      title: "is the same for both where nobody has a role",
      endpoints: [loaded(5, 0), loaded(0, 0)],
      want: { prefill: 0.5, decode: 0.5, effective: 0.5 },
    },
    {
      title: "does not hold a part that nobody does for full",
      endpoints: [loaded(1, 0, role("decode"))],
      want: { prefill: 0, decode: 0.2, effective: 0.2 },
    },
    {
      title: "leaves out those that only encode",
      endpoints: [loaded(50, 0, role("encode")), loaded(1, 0)],
      want: { prefill: 0.2, decode: 0.2, effective: 0.2 },
    },
    {
      title: "goes by all where nobody does either part",
      endpoints: [loaded(2, 0, role("encode"))],
      want: { prefill: 0, decode: 0, effective: 0.4 },
    },
    { title: "is full without endpoints", endpoints: [], want: { prefill: 0, decode: 0, effective: 1 } },
  ];
  for (const { title, endpoints, want } of cases) {
    it(title, () => {
      const { prefill, decode, effective } = saturationByStage(detector, poolOf(tableOf(endpoints)));
      expect(prefill).toBeCloseTo(want.prefill, 12);
      expect(decode).toBeCloseTo(want.decode, 12);
      expect(effective).toBeCloseTo(want.effective, 12);
    });
  }
});
