import type { FeedbackEvent } from "@outrider/plugin-sdk";
import { childProcess, type FakeEndpoint, fakeCall, fakeSnapshot, local, loopback } from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { predictedLatencyProducer } from "./producer.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const unknown = Number.NaN;
const load: FakeEndpoint = { waiting_requests: 0, running_requests: 4, kv_cache_usage: 0.3, inflight_requests: 4 };
const pool: readonly FakeEndpoint[] = [
  { id: "a", ...load },
  { id: "b", ...load },
  { id: "c", ...load },
];

type Done = Extract<FeedbackEvent, { kind: "done" }>;

/** An instance that is asked, and told how each request went. */
function open(parameters: Readonly<Record<string, unknown>> = {}) {
  const parsed = predictedLatencyProducer.config.safeParse(parameters);
  if (!parsed.success) throw new Error("refused");
  const producer = predictedLatencyProducer.create(parsed.data);
  const snapshot = fakeSnapshot(pool);
  producer.endpointsChanged?.({ removedSlots: [], upserted: Array.from(snapshot.live, (slot) => snapshot.at(slot)!) });
  let callId = 0;
  const ask = (promptTokens = 1_000, endpoints: readonly FakeEndpoint[] = pool, stream = true) => {
    const values = Array.from({ length: 4 }, () => new Float32Array(endpoints.length).fill(unknown));
    callId += 1;
    const call = fakeCall({ pool: endpoints, request: { promptTokens, stream }, callId, profile: "" });
    const reason = producer.produce(call, values);
    return { reason, callId, ttft: values[0]!, ttftP90: values[1]!, tpot: values[2]!, tpotP90: values[3]! };
  };
  const tell = (id: number, slot: number, done: Partial<Done>, picks = [{ profile: "default", slot }]) => {
    const common = { callId: id, slot, atMs: 1_000 * id };
    const scores = { ownScore: unknown, totalScore: 0, fallback: false, promptTokens: 1_000 };
    producer.feedback?.({ kind: "picked", ...common, ...scores, picks });
    const usage = { promptTokens: 1_000, cachedTokens: 0, outputTokens: 11 };
    const times = { ttftUs: 100_000, e2eMs: 300 };
    producer.feedback?.({ kind: "done", ...common, cause: "ok", status: 200, ...usage, ...times, ...done });
  };
  /** Requests whose first token takes 1 ms for 10 prompt tokens, and those of slot 2 twice as long. */
  const train = (count: number, isStreamed = true) => {
    for (let i = 0; i < count; i++) {
      const slot = i % 3;
      const promptTokens = 200 + 100 * (i % 13);
      const { callId: id } = ask(promptTokens, pool, isStreamed);
      const ttftMs = (promptTokens / 10) * (slot === 2 ? 2 : 1);
      tell(id, slot, { ttftUs: ttftMs * 1_000, e2eMs: ttftMs + 200 });
    }
  };
  return { producer, ask, tell, train };
}

describe("predicted-latency-producer", () => {
  it("says nothing before it has seen enough answers, and how many those are", () => {
    const { ask, train } = open({ minSamples: 20 });
    train(19);
    expect(ask()).toMatchObject({ reason: "learning: 19 of 20 answers seen" });
    expect([...ask().ttft]).toEqual([unknown, unknown, unknown]);
  });

  it("learns what a token costs, and which endpoint is slower", () => {
    const { ask, train } = open();
    train(300);
    const { ttft, ttftP90, tpot, reason } = ask(1_000);
    for (const [slot, want] of [100, 100, 200].entries()) {
      expect(Math.abs(ttft[slot]! - want)).toBeLessThan(0.1 * want);
      expect(ttftP90[slot]).toBeGreaterThan(ttft[slot]!);
      expect(Math.abs(tpot[slot]! - 20)).toBeLessThan(2);
    }
    expect(reason).toMatch(/^TTFT off by 0\.\d\d, [01]\.\d\d within p90, \d+ seen; TPOT off by /);
  });

  it("counts only the part of the prompt that is not cached", () => {
    const { producer, train } = open();
    train(300);
    const data = { "data.prefix_match_blocks": [0, 10, unknown], "data.prefix_total_blocks": [20, 20, unknown] };
    const values = Array.from({ length: 4 }, () => new Float32Array(3).fill(unknown));
    void producer.produce(
      fakeCall({ pool, data, request: { promptTokens: 1_280, stream: true }, profile: "" }),
      values,
    );
    expect(values[0]![1]! / values[0]![0]!).toBeCloseTo(0.5, 1);
    expect(values[0]![2]! / values[0]![0]!).toBeCloseTo(2, 1);
  });

  it("predicts a request that is not streamed by its end", () => {
    const { ask, train } = open();
    train(300, false);
    expect(Math.abs(ask(1_000, pool, false).ttft[0]! - 300)).toBeLessThan(30);
    expect([...ask(1_000, pool, true).ttft]).toEqual([unknown, unknown, unknown]);
  });

  it("learns TTFT of the endpoint that computed the prompt, and TPOT of the one that answered", () => {
    const { ask, tell } = open({ minSamples: 5 });
    const picks = (prefill: number, slot: number) => [
      { profile: "prefill", slot: prefill },
      { profile: "decode", slot },
    ];
    for (let i = 0; i < 200; i++) {
      const isFast = i % 2 === 0;
      const ttftMs = isFast ? 50 : 500;
      const done = { ttftUs: ttftMs * 1_000, e2eMs: ttftMs + 100 };
      tell(ask().callId, 2, done, picks(isFast ? 0 : 1, 2));
    }
    const { ttft } = ask();
    expect(ttft[1]! / ttft[0]!).toBeGreaterThan(5);
  });

  const unlearned: readonly { readonly title: string; readonly done: Partial<Done> }[] = [
    { title: "an answer that was not seen", done: { cause: "unknown", ttftUs: 0, e2eMs: 0, outputTokens: 0 } },
    { title: "an error of the model server", done: { cause: "upstream_error", status: 503 } },
    { title: "a refusal of the model server", done: { status: 429 } },
    { title: "an answer of another endpoint", done: { slot: 1 } },
    { title: "times that are none", done: { ttftUs: unknown, e2eMs: unknown } },
    { title: "times that went backwards", done: { ttftUs: -5, e2eMs: -5 } },
    { title: "a request that was never sent", done: { cause: "never_sent", status: 0, ttftUs: 0, e2eMs: 0 } },
  ];
  for (const { title, done } of unlearned) {
    it(`learns nothing of ${title}`, () => {
      const { ask, tell } = open({ minSamples: 1 });
      tell(ask().callId, 0, done);
      expect(ask().reason).toBe("learning: 0 of 1 answers seen");
    });
  }

  it("takes the first chunk for the first token, long before the answer ends", () => {
    const { producer, ask } = open({ minSamples: 1 });
    const { callId } = ask();
    const common = { callId, slot: 0, atMs: 1 };
    const scores = { ownScore: 1, totalScore: 1, fallback: false, promptTokens: 9, picks: [] };
    producer.feedback?.({ kind: "picked", ...common, ...scores });
    producer.feedback?.({ kind: "progress", ...common, chunks: 1, outputTokens: 0, elapsedMs: 120 });
    expect(ask().ttft[0]).toBeGreaterThan(60);
  });

  const unknowns: readonly { readonly title: string; readonly endpoint: FakeEndpoint }[] = [
    { title: "the queue is unknown", endpoint: { ...load, waiting_requests: unknown } },
    { title: "the batch is unknown", endpoint: { ...load, running_requests: unknown } },
    { title: "the KV cache is unknown", endpoint: { ...load, kv_cache_usage: unknown } },
    { title: "the queue is negative", endpoint: { ...load, waiting_requests: -1 } },
  ];
  for (const { title, endpoint } of unknowns) {
    it(`says nothing of an endpoint where ${title}, and tells why`, () => {
      const { ask, train } = open();
      train(100);
      const { ttft, reason } = ask(1_000, [pool[0]!, { id: "b", ...endpoint }, pool[2]!]);
      expect([...ttft].map(Number.isNaN)).toEqual([false, true, false]);
      expect(reason).toBe("queue, batch or KV cache unknown at 1 of 3");
    });
  }

  it("says nothing of a prompt of unknown length, and takes one of 2 million tokens", () => {
    const { ask, train } = open();
    train(100);
    expect(ask(0)).toMatchObject({ reason: "length of the prompt unknown" });
    expect([...ask(0).ttft]).toEqual([unknown, unknown, unknown]);
    expect(ask(2_000_000).ttft[0]).toBeGreaterThan(10_000);
  });

  it("forgets an endpoint that leaves, and starts the next with what all have in common", () => {
    const { producer, ask, train } = open();
    train(300);
    const next = { ...pool[2]!, id: "d", slot: 2 };
    const snapshot = fakeSnapshot([pool[0]!, pool[1]!, next]);
    producer.endpointsChanged?.({ removedSlots: [2], upserted: [snapshot.at(2)!] });
    const { ttft } = ask(1_000, [pool[0]!, pool[1]!, next]);
    expect(ttft[2]).toBeLessThan(170);
  });

  const wrong = [
    { contextTTL: "0s" },
    { contextTTL: "soon" },
    { sloBufferFactor: 0 },
    { minSamples: 0 },
    { window: 1 },
  ];
  for (const parameters of wrong) {
    it(`refuses ${JSON.stringify(parameters)}`, () => {
      expect(predictedLatencyProducer.config.safeParse(parameters).success).toBe(false);
    });
  }
});

describe("what is handed over", () => {
  it("goes on in the next generation, whether it comes before or after the endpoints", () => {
    const { producer, ask, train } = open();
    train(300);
    const next = open();
    next.producer.restore?.(producer.handoff?.() ?? new Uint8Array(0));
    const [before, after] = [ask(700), next.ask(700)];
    for (const key of ["ttft", "ttftP90", "tpot", "tpotP90"] as const) {
      for (const [slot, value] of before[key].entries()) expect(after[key][slot]! / value).toBeCloseTo(1, 4);
    }
  });

  it("is nothing before something was learned, and left where it is damaged", () => {
    const { producer, train } = open();
    expect(producer.handoff?.()).toHaveLength(0);
    train(100);
    const state = producer.handoff?.() ?? new Uint8Array(0);
    for (const damaged of [state.subarray(0, state.length - 4), state.subarray(0, 3), new Uint8Array(200)]) {
      const next = open();
      next.producer.restore?.(damaged);
      expect(next.ask().reason).toBe("learning: 0 of 20 answers seen");
    }
  });
});

for (const [where, openPlugin] of Object.entries(placements)) {
  it(`predicts ${where} as everywhere`, async () => {
    const producer = await openPlugin(predictedLatencyProducer, { minSamples: 2 });
    for (let i = 0; i < 3; i++) {
      const call = fakeCall({ pool, request: { promptTokens: 1_000, stream: true }, profile: "" });
      await producer.produce(call);
      const common = { callId: call.callId, slot: 1, atMs: 5 };
      const scores = { ownScore: 1, totalScore: 1, fallback: false, promptTokens: 9, picks: [] };
      await producer.feedback({ kind: "picked", ...common, ...scores });
      const usage = { promptTokens: 1_000, cachedTokens: 0, outputTokens: 11, ttftUs: 100_000, e2eMs: 300 };
      await producer.feedback({ kind: "done", ...common, cause: "ok", status: 200, ...usage });
    }
    const values = await producer.produce(
      fakeCall({ pool, request: { promptTokens: 1_000, stream: true }, profile: "" }),
    );
    expect(values["data.predicted_ttft_ms"]![1]).toBeCloseTo(100, -1);
    expect(values["data.predicted_tpot_ms"]![1]).toBeCloseTo(20, 0);
    await producer.close();
  }, 20_000);
}
