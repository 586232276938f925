import { type FakeEndpoint, fakeCall } from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { latencyScorer } from "./latency-scorer.ts";

const unknown = Number.NaN;
const busy: FakeEndpoint = { inflight_requests: 3 };
const idle: FakeEndpoint = { inflight_requests: 0 };

interface Case {
  readonly title: string;
  readonly parameters?: Readonly<Record<string, unknown>>;
  readonly pool?: readonly FakeEndpoint[];
  readonly targets?: { readonly sloTtftMs?: number; readonly sloTpotMs?: number };
  readonly ttft?: readonly number[];
  readonly tpot?: readonly number[];
  readonly blocks?: readonly number[];
  readonly want: readonly number[];
  readonly reason?: string;
}

function ask({ parameters = {}, pool = [busy, busy, busy], targets = {}, ttft, tpot, blocks }: Case) {
  const parsed = latencyScorer.config.safeParse(parameters);
  if (!parsed.success) throw new Error("refused");
  const scores = new Float32Array(pool.length).fill(unknown);
  const data = {
    ...(ttft === undefined ? {} : { "data.predicted_ttft_ms": ttft }),
    ...(tpot === undefined ? {} : { "data.predicted_tpot_ms": tpot }),
    ...(blocks === undefined ? {} : { "data.prefix_match_blocks": blocks }),
    ...(blocks === undefined ? {} : { "data.prefix_total_blocks": blocks.map(() => 4) }),
  };
  const reason = latencyScorer.create(parsed.data).score(fakeCall({ pool, request: targets, data }), scores);
  return { reason, scores: [...scores].map((score) => Math.round(score * 1e4) / 1e4) };
}

const both = { sloTtftMs: 100, sloTpotMs: 20 };

describe("latency-scorer", () => {
  const cases: readonly Case[] = [
    {
      title: "of those that meet the targets prefers the one with least to spare",
      targets: both,
      ttft: [10, 60, 90],
      tpot: [10, 10, 10],
      want: [0.01, 0.63, 1],
    },
    {
      title: "prefers the one with most to spare with strategy most",
      parameters: { headroomSelectionStrategy: "most" },
      targets: both,
      ttft: [10, 60, 90],
      tpot: [10, 10, 10],
      want: [1, 0.38, 0.01],
    },
    {
      title: "weighs TTFT 0.8 and TPOT 0.2",
      targets: both,
      ttft: [0, 100, 100],
      tpot: [20, 10, 20],
      want: [0.2, 0.81, 1],
    },
    {
      title: "scores those that miss a target 0 where others meet them",
      targets: both,
      ttft: [50, 150, 50],
      tpot: [10, 10, 30],
      want: [0.51, 0, 0],
    },
    {
      title: "scores idle ones alone where none meets them, whatever the strategy",
      parameters: { headroomSelectionStrategy: "most" },
      pool: [busy, idle, idle],
      targets: both,
      ttft: [101, 300, 200],
      tpot: [10, 10, 10],
      want: [0, 0.01, 1],
    },
    {
      title: "prefers to miss TPOT alone",
      targets: both,
      ttft: [50, 150, 150],
      tpot: [30, 10, 30],
      want: [0.51, 0, 0],
    },
    {
      title: "prefers to miss TTFT alone to missing both",
      targets: both,
      ttft: [900, 150, 500],
      tpot: [30, 10, 10],
      want: [0, 1, 0.01],
    },
    {
      title: "goes by the target that is set alone (defect: unset SLO makes headroom negative)",
      targets: { sloTtftMs: 100 },
      ttft: [10, 90, 150],
      tpot: [900, 900, 1],
      want: [0.01, 1, 0],
    },
    {
      title: "prefers the fastest without a target, idle or not (defect: unset SLO makes headroom negative)",
      pool: [idle, busy, busy],
      ttft: [300, 100, 200],
      tpot: [10, 10, 10],
      want: [0.01, 1, 0.51],
    },
    { title: "scores equals alike", targets: both, ttft: [50, 50, 50], tpot: [9, 9, 9], want: [0.51, 0.51, 0.51] },
    { title: "scores a single candidate", pool: [busy], targets: both, ttft: [50], tpot: [9], want: [0.51] },
    {
      title: "abstains where nothing is predicted of one",
      targets: both,
      ttft: [10, unknown, 90],
      tpot: [10, unknown, 10],
      want: [0.01, unknown, 1],
      reason: "nothing predicted at 1 of 3",
    },
    {
      title: "goes by TTFT alone where TPOT is predicted nowhere",
      targets: both,
      ttft: [10, 50, 90],
      want: [0.01, 0.51, 1],
    },
    {
      title: "without predictions weighs free KV cache, queue and cached prefix",
      pool: [
        { kv_cache_usage: 0.5, waiting_requests: 4 },
        { kv_cache_usage: 0.1, waiting_requests: 0 },
        { kv_cache_usage: 1, waiting_requests: 8 },
      ],
      blocks: [4, 1, 0],
      want: [0.67, 0.72, 0],
      reason: "nothing predicted: by KV cache, queue and prefix",
    },
    {
      title: "without predictions heeds the weights, and leaves out what is unknown",
      parameters: { compositeKVWeight: 3, compositeQueueWeight: 1, compositePrefixWeight: 0 },
      pool: [{ kv_cache_usage: 0.5, waiting_requests: 0 }, { kv_cache_usage: 0.25 }, { waiting_requests: 0 }],
      want: [0.63, 0.75, 1],
      reason: "nothing predicted: by KV cache, queue and prefix",
    },
    {
      title: "abstains where nothing is known at all",
      pool: [{}, {}],
      want: [unknown, unknown],
      reason: "nothing predicted, KV cache, queue and prefix unknown",
    },
  ];
  for (const { want, reason, ...given } of cases) {
    it(given.title, () => expect(ask({ ...given, want })).toEqual({ reason, scores: want }));
  }

  const wrong = [
    { ttftWeight: -1 },
    { ttftWeight: 0, tpotWeight: 0 },
    { headroomSelectionStrategy: "composite-only" },
    { epsilonExploreNeg: 0.1 },
  ];
  for (const parameters of wrong) {
    it(`refuses ${JSON.stringify(parameters)}`, () => {
      expect(latencyScorer.config.safeParse(parameters).success).toBe(false);
    });
  }
});
