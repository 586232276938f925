import {
  childProcess,
  type FakeEndpoint,
  fakeCall,
  local,
  loopback,
  scorerContract,
} from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import {
  activeRequestScorer,
  kvCacheUtilizationScorer,
  loadAwareScorer,
  queueScorer,
  runningRequestsSizeScorer,
} from "./scorer.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const scorers = [
  queueScorer,
  runningRequestsSizeScorer,
  kvCacheUtilizationScorer,
  loadAwareScorer,
  activeRequestScorer,
];

for (const [where, open] of Object.entries(placements)) {
  for (const scorer of scorers) {
    describe(`${scorer.type}, ${where}, keeps the scorer contract`, () => {
      for (const { title, run } of scorerContract) it(title, async () => run(await open(scorer)), 20_000);
    });
  }
}

const unknown = Number.NaN;
const waiting = (...values: number[]): FakeEndpoint[] => values.map((value) => ({ waiting_requests: value }));
const running = (...values: number[]): FakeEndpoint[] => values.map((value) => ({ running_requests: value }));
const usage = (...values: number[]): FakeEndpoint[] => values.map((value) => ({ kv_cache_usage: value }));
const inflight = (...values: number[]): FakeEndpoint[] => values.map((value) => ({ inflight_requests: value }));

const formulas = [
  { scorer: queueScorer, title: "stretches queues over the range", pool: waiting(0, 5, 10, 2), want: [1, 0.5, 0, 0.8] },
  { scorer: queueScorer, title: "scores equal queues 1", pool: waiting(7, 7, 7), want: [1, 1, 1] },
  { scorer: queueScorer, title: "scores a single candidate 1", pool: waiting(9), want: [1] },
  { scorer: queueScorer, title: "does not take unknown for idle", pool: waiting(4, unknown, 2), want: [0, unknown, 1] },
  { scorer: queueScorer, title: "scores the only known queue 1", pool: waiting(unknown, 8), want: [unknown, 1] },
  { scorer: queueScorer, title: "abstains where no queue is known", pool: [{}, {}], want: [unknown, unknown] },
  { scorer: queueScorer, title: "takes long queues", pool: waiting(0, 100_000), want: [1, 0] },
  {
    scorer: runningRequestsSizeScorer,
    title: "stretches batches over the range",
    pool: running(4, 0, 1, unknown),
    want: [0, 1, 0.75, unknown],
  },
  { scorer: runningRequestsSizeScorer, title: "scores equal batches 1", pool: running(3, 3), want: [1, 1] },
  {
    scorer: loadAwareScorer,
    title: "scores an empty queue half",
    pool: waiting(0, 64, 128, 500),
    want: [0.5, 0.25, 0, 0],
  },
  {
    scorer: loadAwareScorer,
    title: "goes by its threshold, and takes unknown for neither",
    parameters: { threshold: 10 },
    pool: waiting(5, unknown),
    want: [0.25, unknown],
  },
  { scorer: kvCacheUtilizationScorer, title: "scores what is free", pool: usage(0.25, 0.5), want: [0.75, 0.5] },
  { scorer: kvCacheUtilizationScorer, title: "takes the bounds", pool: usage(0, 1), want: [1, 0] },
  { scorer: kvCacheUtilizationScorer, title: "scores equal use alike", pool: usage(0.5, 0.5), want: [0.5, 0.5] },
  { scorer: kvCacheUtilizationScorer, title: "scores a single candidate by itself", pool: usage(1), want: [0] },
  {
    scorer: kvCacheUtilizationScorer,
    title: "does not take unknown for free",
    pool: usage(unknown, 1),
    want: [unknown, 0],
  },
  { scorer: activeRequestScorer, title: "scores idle 1, the busiest 0", pool: inflight(0, 1, 4), want: [1, 0.75, 0] },
  { scorer: activeRequestScorer, title: "scores equally busy ones 0", pool: inflight(3, 3), want: [0, 0] },
  { scorer: activeRequestScorer, title: "scores an idle pool 1", pool: inflight(0, 0), want: [1, 1] },
  { scorer: activeRequestScorer, title: "scores a single busy candidate 0", pool: inflight(2), want: [0] },
  {
    scorer: activeRequestScorer,
    title: "counts few as idle and keeps the busy below",
    parameters: { idleThreshold: 2, maxBusyScore: 0.5 },
    pool: inflight(2, 3, 6, 0),
    want: [1, 0.25, 0, 1],
  },
  {
    scorer: activeRequestScorer,
    title: "scores all 1 where none is above the threshold",
    parameters: { idleThreshold: 10 },
    pool: inflight(9, 10),
    want: [1, 1],
  },
];

for (const [where, open] of Object.entries({ local, loopback })) {
  describe(`the formulas, ${where}`, () => {
    for (const { scorer, title, parameters, pool, want } of formulas) {
      it(`${scorer.type} ${title}`, async () => {
        const opened = await open(scorer, parameters);
        expect([...(await opened.score(fakeCall({ pool })))]).toEqual([...Float32Array.from(want)]);
        await opened.close();
      });
    }
  });
}

describe("an abstention", () => {
  it("says of how many candidates nothing is known", () => {
    const score = (scorer: typeof queueScorer, pool: FakeEndpoint[]) =>
      scorer.create({}).score(fakeCall({ pool }), new Float32Array(pool.length).fill(unknown));
    expect(score(queueScorer, waiting(1, unknown, 2))).toBe("queue unknown at 1 of 3");
    expect(score(kvCacheUtilizationScorer, [{}, {}])).toBe("KV-cache use unknown at 2 of 2");
    expect(score(queueScorer, waiting(1, 2))).toBeUndefined();
  });
});

describe("defect: an endpoint whose metrics never came looks idle", () => {
  for (const scorer of [queueScorer, runningRequestsSizeScorer, kvCacheUtilizationScorer, loadAwareScorer]) {
    it(`${scorer.type} says nothing of it, and rates the others`, async () => {
      const busy = { waiting_requests: 5, running_requests: 5, kv_cache_usage: 0.9 };
      const opened = await local(scorer);
      const [never, known] = await opened.score(fakeCall({ pool: [{}, busy, { ...busy, waiting_requests: 9 }] }));
      expect(never).toBeNaN();
      expect(known).not.toBeNaN();
      await opened.close();
    });
  }
});

describe("parameters", () => {
  const wrong = [
    { scorer: queueScorer, parameters: { threshold: 1 } },
    { scorer: kvCacheUtilizationScorer, parameters: { weight: 1 } },
    { scorer: activeRequestScorer, parameters: { idleThreshold: -1 } },
    { scorer: activeRequestScorer, parameters: { idleThreshold: 0.5 } },
    { scorer: activeRequestScorer, parameters: { maxBusyScore: 1.1 } },
  ];
  for (const { scorer, parameters } of wrong) {
    it(`of ${scorer.type} are refused: ${JSON.stringify(parameters)}`, () => {
      expect(scorer.config.safeParse(parameters).success).toBe(false);
    });
  }
});
