import { describe, expect, it } from "vitest";
import { toAttributeKey } from "../contract/index.ts";
import { createAttributeFilter, thresholdOperators } from "./attribute-filter.ts";
import { callAbout, callOf, type GivenEndpoint, tableOf } from "./fixtures/calls.ts";
import { createUtilizationFilter, type UtilizationCondition } from "./utilization-filter.ts";

const measured = (waiting_requests: number, kv_cache_usage: number): GivenEndpoint => ({
  values: { waiting_requests, kv_cache_usage },
});

describe("the utilization filter", () => {
  const cases: readonly {
    title: string;
    conditions: readonly UtilizationCondition[];
    endpoints: readonly GivenEndpoint[];
    fallbackOnEmpty?: boolean;
    want: readonly number[];
  }[] = [
    {
      title: "keeps who is at a limit and drops who is above it",
      conditions: [{ metric: "waiting-queue", maxValue: 3 }],
      endpoints: [measured(3, 0), measured(4, 0), measured(0, 1)],
      want: [0, 2],
    },
    {
      title: "compares a fraction as it is measured",
      conditions: [{ metric: "kv-cache-utilization", maxValue: 0.8 }],
      endpoints: [measured(0, 0.8), measured(0, 0.81)],
      want: [0],
    },
    {
      title: "demands every limit",
      conditions: [
        { metric: "waiting-queue", maxValue: 3 },
        { metric: "kv-cache-utilization", maxValue: 0.5 },
      ],
      endpoints: [measured(3, 0.5), measured(4, 0.1), measured(1, 0.9)],
      want: [0],
    },
    {
      title: "drops whom nothing is known of, who may be anything but idle",
      conditions: [{ metric: "waiting-queue", maxValue: 3 }],
      endpoints: [{}, measured(2, 0)],
      want: [1],
    },
    {
      title: "keeps the unknown where the known are above the limit",
      conditions: [{ metric: "waiting-queue", maxValue: 3 }],
      endpoints: [{}, measured(9, 0), {}],
      want: [0, 2],
    },
    {
      title: "keeps nobody where all are above the limit",
      conditions: [{ metric: "waiting-queue", maxValue: 3 }],
      endpoints: [measured(9, 0), measured(4, 0)],
      want: [],
    },
    {
      title: "keeps all by fallbackOnEmpty where all are above the limit",
      conditions: [{ metric: "waiting-queue", maxValue: 3 }],
      endpoints: [measured(9, 0), measured(4, 0)],
      fallbackOnEmpty: true,
      want: [0, 1],
    },
    {
      title: "reads the running batch",
      conditions: [{ metric: "running-requests", maxValue: 0 }],
      endpoints: [{ values: { running_requests: 1 } }, { values: { running_requests: 0 } }],
      want: [1],
    },
  ];
  for (const { title, conditions, endpoints, fallbackOnEmpty = false, want } of cases) {
    it(title, () => {
      const filter = createUtilizationFilter("f", { conditions, fallbackOnEmpty });
      expect([...filter.filter(callAbout(endpoints))]).toEqual(want);
    });
  }

  it("reads what the host itself has sent", () => {
    const table = tableOf([{}, {}]);
    table.inflight.requests.set([7, 8]);
    const filter = createUtilizationFilter("f", {
      conditions: [{ metric: "active-requests", maxValue: 7 }],
      fallbackOnEmpty: false,
    });
    expect([...filter.filter(callOf(table.current, { inflight: table.inflight }))]).toEqual([0]);
  });

  it("hands the candidates back where all stay", () => {
    const filter = createUtilizationFilter("f", {
      conditions: [{ metric: "waiting-queue", maxValue: 3 }],
      fallbackOnEmpty: false,
    });
    const call = callAbout([measured(1, 0), measured(2, 0)]);
    expect(filter.filter(call)).toBe(call.candidates);
  });
});

describe("the attribute filter", () => {
  const endpoints = [1, 2, 3].map((waiting_requests) => ({ values: { waiting_requests } }));
  const base = { key: "waiting_requests", value: 2, passesMissing: true, fallbackOnEmpty: false } as const;
  const kept: Readonly<Record<keyof typeof thresholdOperators, readonly number[]>> = {
    LessThan: [0, 3],
    LessThanOrEqual: [0, 1, 3],
    GreaterThan: [2, 3],
    GreaterThanOrEqual: [1, 2, 3],
    Equal: [1, 3],
    NotEqual: [0, 2, 3],
  };
  for (const operator of Object.keys(thresholdOperators) as (keyof typeof thresholdOperators)[]) {
    it(`keeps by ${operator}, and who is unknown only where that passes`, () => {
      const all = callAbout([...endpoints, {}]);
      expect([...createAttributeFilter("f", { ...base, operator }).filter(all)]).toEqual(kept[operator]);
      const failing = createAttributeFilter("f", { ...base, operator, passesMissing: false });
      expect([...failing.filter(all)]).toEqual(kept[operator].filter((slot) => slot !== 3));
    });
  }

  it("keeps nobody, or all by fallbackOnEmpty, where nobody passes", () => {
    const call = callAbout(endpoints);
    const filterOf = (fallbackOnEmpty: boolean) =>
      createAttributeFilter("f", { ...base, operator: "GreaterThan", value: 9, fallbackOnEmpty });
    expect([...filterOf(false).filter(call)]).toEqual([]);
    expect(filterOf(true).filter(call)).toBe(call.candidates);
  });

  it("compares with a threshold as precisely as values are kept", () => {
    const filter = createAttributeFilter("f", { ...base, key: "kv_cache_usage", operator: "Equal", value: 0.9 });
    expect([
      ...filter.filter(callAbout([{ values: { kv_cache_usage: 0.9 } }, { values: { kv_cache_usage: 0.91 } }])),
    ]).toEqual([0]);
  });

  const names = {
    WaitingQueueSize: "waiting_requests",
    RunningRequestsSize: "running_requests",
    KVCacheUsagePercent: "kv_cache_usage",
    MaxActiveModels: "max_adapters",
    CacheBlockSize: "kv_block_tokens",
    CacheNumBlocks: "kv_total_blocks",
    waiting_requests: "waiting_requests",
    inflight_requests: "inflight_requests",
    "metric.temperature": "metric.temperature",
    temperature: "metric.temperature",
    toString: "metric.toString",
  };
  for (const [attribute, key] of Object.entries(names)) {
    it(`finds ${attribute} in ${key}`, () => expect(toAttributeKey(attribute)).toBe(key));
  }
});
