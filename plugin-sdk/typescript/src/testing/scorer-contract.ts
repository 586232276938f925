import assert from "node:assert/strict";
import type { FeedbackEvent } from "@outrider/core/contract";
import { type FakeEndpoint, fakeCall, fakeSnapshot } from "@outrider/transport/testing";
import type { OpenScorer } from "./open-plugin.ts";

/** One thing that every scorer keeps to. */
export interface ContractCase {
  /** Behaviour, as the title of a test. */
  readonly title: string;
  /** Puts it to the test and ends the scorer. @throws what `node:assert` throws. */
  run(scorer: OpenScorer): Promise<void>;
}

const facts = {
  promptTokens: 640,
  sessionKey: "session-1",
  promptText: "You are a helpful assistant.",
  blockHashes: Uint32Array.from({ length: 20 }, (_, i) => Math.imul(i + 1, 0x9e3779b1)),
  blockSizeTokens: 64,
};

/** Endpoints of which everything is known. */
function pool(count: number): FakeEndpoint[] {
  return Array.from({ length: count }, (_, i) => ({
    waiting_requests: (i * 7) % 11,
    running_requests: (i * 5) % 13,
    kv_cache_usage: ((i * 37) % 100) / 100,
    kv_block_tokens: 16,
    kv_total_blocks: 10_000,
    max_adapters: 4,
    inflight_requests: i % 3,
    inflight_prompt_tokens: 64 * i,
    inflight_output_tokens: 16 * i,
    sets: { models: ["llama-3-8b"], adapters_running: [], adapters_waiting: [] },
  }));
}

function contractCase(title: string, check: (scorer: OpenScorer) => Promise<void>): ContractCase {
  return {
    title,
    async run(scorer) {
      try {
        await check(scorer);
      } finally {
        await scorer.close();
      }
    },
  };
}

/** What every scorer keeps to, wherever it runs; a test each. */
export const scorerContract: readonly ContractCase[] = [
  contractCase("scores every candidate in [0, 1], or abstains", async (scorer) => {
    checkScores(await scorer.score(fakeCall({ pool: pool(20), request: facts })));
  }),
  contractCase("scores a single candidate", async (scorer) => {
    checkScores(await scorer.score(fakeCall({ pool: pool(3), candidates: [1], request: facts })));
  }),
  contractCase("gives one answer to one call, however often it is asked", async (scorer) => {
    const options = { pool: fakeSnapshot(pool(12)), request: facts, seed: 7 };
    const calls = [fakeCall(options), fakeCall(options)] as const;
    const [first, second] = [await scorer.score(calls[0]), await scorer.score(calls[1])];
    assert.deepEqual(second, first, "nothing is learned or drawn from asking: only feedback and the call count");
    assert.deepEqual(calls[1].vetoed, calls[0].vetoed, "the same candidates are vetoed");
  }),
  contractCase("abstains or scores, but does not fail, where nothing is known", async (scorer) => {
    const nothing = fakeCall({ pool: [{}, {}, {}], request: { model: "" } });
    checkScores(await scorer.score(nothing));
  }),
  contractCase("takes values at the edges of what model servers report", async (scorer) => {
    const edges = [0, 1, 1e9].map((value) => ({
      waiting_requests: value,
      running_requests: value,
      kv_cache_usage: Math.min(1, value),
      kv_total_blocks: value,
      inflight_requests: value,
    }));
    checkScores(await scorer.score(fakeCall({ pool: edges, request: facts })));
  }),
  contractCase("takes slots that are far apart", async (scorer) => {
    const apart = [
      { ...pool(1)[0], slot: 3 },
      { ...pool(1)[0], slot: 4000 },
    ];
    checkScores(await scorer.score(fakeCall({ pool: apart, request: facts })));
  }),
  contractCase("goes on when endpoints leave, come and are replaced in their slot", async (scorer) => {
    const [first, second, third] = pool(3);
    checkScores(await scorer.score(fakeCall({ pool: [first!, second!], request: facts })));
    checkScores(await scorer.score(fakeCall({ pool: [{ ...first!, id: "pool/other" }], request: facts })));
    checkScores(
      await scorer.score(fakeCall({ pool: [{ ...first!, id: "pool/other", incarnation: 1 }, third!], request: facts })),
    );
  }),
  contractCase("goes on after feedback in any order, for calls it knows and others", async (scorer) => {
    const call = fakeCall({ pool: pool(4), request: facts });
    checkScores(await scorer.score(call));
    for (const event of [...feedback(call.callId, 1), ...feedback(call.callId, 3), ...feedback(4_000_000, 9)]) {
      await scorer.feedback(event);
    }
    checkScores(await scorer.score(fakeCall({ pool: pool(4), request: facts })));
  }),
  contractCase("vetoes only where it asks to be allowed to", async (scorer) => {
    const asks = scorer.definition.needs.some((need) => (typeof need === "string" ? need : need.key) === "veto");
    for (const candidates of [pool(20), [{}, {}]]) {
      const call = fakeCall({ pool: candidates, request: facts });
      await scorer.score(call);
      assert.ok(asks || call.vetoed === undefined, "a veto counts for nothing without `veto` among the needs");
    }
  }),
  contractCase("answers as before in its successor, where it hands over what it has learned", async (scorer) => {
    const options = { pool: fakeSnapshot(pool(6)), request: facts, seed: 7 };
    const asked = fakeCall(options);
    await scorer.score(asked);
    for (const event of feedback(asked.callId, 2)) await scorer.feedback(event);
    const before = await scorer.score(fakeCall(options));
    const successor = await scorer.handOver();
    if (successor === undefined) return;
    try {
      assert.deepEqual(await successor.score(fakeCall(options)), before, "nothing is lost between the two");
    } finally {
      await successor.close();
    }
  }),
  contractCase("rates an endpoint alike for every request, where it declares `tableTtlMs`", async (scorer) => {
    if (scorer.definition.tableTtlMs === undefined) return;
    const busy = pool(9);
    const idle = busy.map((endpoint) => ({ ...endpoint, inflight_requests: 0 }));
    const all = await scorer.score(fakeCall({ pool: busy, request: facts, seed: 1 }));
    const some = await scorer.score(fakeCall({ pool: idle, candidates: [2, 5], request: { model: "other" }, seed: 1 }));
    const want = Float32Array.of(all[2]!, all[5]!);
    assert.deepEqual(some, want, "its scores hold whatever the request, the other candidates and what is in flight");
  }),
];

function feedback(callId: number, slot: number): FeedbackEvent[] {
  const common = { callId, slot, atMs: 1 };
  const usage = { promptTokens: 640, cachedTokens: 64, outputTokens: 9 };
  const picked = {
    ownScore: 0.5,
    totalScore: 1,
    fallback: false,
    promptTokens: 640,
    picks: [{ profile: "default", slot }],
  };
  return [
    { kind: "picked", ...common, ...picked },
    { kind: "progress", ...common, chunks: 3, outputTokens: 3, elapsedMs: 60 },
    { kind: "done", ...common, ...usage, cause: "ok", status: 200, ttftUs: 20_000, e2eMs: 200 },
    { kind: "done", ...common, ...usage, cause: "never_sent", status: 0, ttftUs: 0, e2eMs: 0 },
  ];
}

function checkScores(scores: Float32Array): void {
  for (const [i, score] of scores.entries()) {
    const isFine = Number.isNaN(score) || (score >= 0 && score <= 1);
    assert.ok(isFine, `the score of candidate ${i} is ${score}: neither in [0, 1] nor an abstention (NaN)`);
  }
}
