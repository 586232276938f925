import { toNeeds } from "@outrider/plugin-sdk";
import {
  childProcess,
  type FakeEndpoint,
  fakeCall,
  local,
  loopback,
  scorerContract,
} from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { endpointAttributeScorer } from "./scorer.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const unknown = Number.NaN;
const parameters = (attributeKey: string, type: string, fixedRange?: { min: number; max: number }) => ({
  attributeKey,
  algorithm: { type, normalization: fixedRange === undefined ? { adaptiveRange: {} } : { fixedRange } },
});
const low = (key: string, range?: { min: number; max: number }) => parameters(key, "linear_lower_is_better", range);
const high = (key: string, range?: { min: number; max: number }) => parameters(key, "linear_higher_is_better", range);

for (const [where, open] of Object.entries(placements)) {
  describe(`endpoint-attribute-scorer, ${where}, keeps the scorer contract`, () => {
    for (const { title, run } of scorerContract) {
      const given = low("WaitingQueueSize");
      it(title, async () => run(await open(endpointAttributeScorer, given)), 20_000);
    }
  });
}

const depth = (...values: number[]): FakeEndpoint[] => values.map((value) => ({ "metric.depth": value }));

const cases = [
  { title: "rates a custom metric over the candidates", given: low("depth"), pool: depth(-2, 0, 2), want: [1, 0.5, 0] },
  { title: "rates the other end", given: high("depth"), pool: depth(-2, 0, 2), want: [0, 0.5, 1] },
  { title: "rates equal values 1", given: high("depth"), pool: depth(3, 3), want: [1, 1] },
  { title: "rates a single candidate 1", given: low("depth"), pool: depth(3), want: [1] },
  {
    title: "clamps to a fixed range",
    given: low("depth", { min: 0, max: 10 }),
    pool: depth(-5, 0, 2.5, 10, 99),
    want: [1, 1, 0.75, 0, 0],
  },
  {
    title: "knows the reference's names",
    given: low("KVCacheUsagePercent", { min: 0, max: 1 }),
    pool: [{ kv_cache_usage: 0.25 }],
    want: [0.75],
  },
  {
    title: "takes the key of a column",
    given: high("rate.output_tokens"),
    pool: [{ "rate.output_tokens": 10 }, { "rate.output_tokens": 30 }],
    want: [0, 1],
  },
  {
    title: "does not take unknown for the worst, nor for the best",
    given: low("depth"),
    pool: depth(4, unknown, 2),
    want: [0, unknown, 1],
  },
  { title: "abstains where nobody scrapes it", given: low("nothing"), pool: depth(1, 2), want: [unknown, unknown] },
];

for (const [where, open] of Object.entries({ local, loopback })) {
  describe(`the formula, ${where}`, () => {
    for (const { title, given, pool, want } of cases) {
      it(title, async () => {
        const scorer = await open(endpointAttributeScorer, given);
        expect([...(await scorer.score(fakeCall({ pool })))]).toEqual([...Float32Array.from(want)]);
        await scorer.close();
      });
    }
  });
}

it("asks for the column that its parameters name", () => {
  expect(toNeeds(endpointAttributeScorer, low("depth"))).toEqual([{ key: "metric.depth" }]);
  expect(toNeeds(endpointAttributeScorer, low("WaitingQueueSize"))).toEqual([{ key: "waiting_requests" }]);
  expect(toNeeds(endpointAttributeScorer, {})).toEqual([]);
});

describe("parameters are refused", () => {
  const algorithm = { type: "linear_lower_is_better", normalization: { adaptiveRange: {} } };
  const wrong = [
    { title: "without an attribute", given: { algorithm } },
    { title: "without an algorithm", given: { attributeKey: "x" } },
    { title: "with a name that is none", given: { attributeKey: "a b", algorithm } },
    { title: "with an empty range", given: low("x", { min: 1, max: 1 }) },
    { title: "with a range upside down", given: low("x", { min: 2, max: 1 }) },
    { title: "with both ranges", given: normalized({ adaptiveRange: {}, fixedRange: { min: 0, max: 1 } }) },
    { title: "with no range", given: normalized({}) },
    { title: "with another algorithm", given: { attributeKey: "x", algorithm: { ...algorithm, type: "square" } } },
  ];
  for (const { title, given } of wrong) {
    it(title, () => expect(endpointAttributeScorer.config.safeParse(given).success).toBe(false));
  }
});

function normalized(normalization: object) {
  return { attributeKey: "x", algorithm: { type: "linear_lower_is_better", normalization } };
}
