import type { Filter } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { good, openScheduling as open, post } from "./fixtures/open-scheduling.ts";
import { createScheduler } from "./scheduler.ts";
import { toTraceless } from "./traceless.ts";
import type { IncomingRequest, Routed } from "./types.ts";

describe("the scheduler", () => {
  it("routes to the pick, with fallbacks in order, and counts the request in flight", async () => {
    const { scheduler, table, leases, ring } = open();
    const routed = (await scheduler.decide(post(good))) as Routed;
    expect(routed.destinations).toEqual(["10.0.0.3:8000", "10.0.0.2:8000"]);
    expect([...table.inflight.requests.slice(0, 3)]).toEqual([0, 0, 1]);
    expect(leases.count()).toBe(1);
    expect(ring.find("r1")?.decisionId).toBe(routed.decisionId);
    expect(ring.find(routed.decisionId)?.destination).toEqual([2, 1]);
  });

  it("gives its own gateway further candidates to try, best first", async () => {
    const request: IncomingRequest = { ...post(good), door: "gateway" };
    const routed = (await open().scheduler.decide(request)) as Routed;
    expect(routed.destinations).toEqual(["10.0.0.3:8000", "10.0.0.2:8000", "10.0.0.1:8000"]);
  });

  it("ends lease, feedback and metrics exactly once, whatever the door says twice", async () => {
    const { scheduler, leases, heard, registry, time } = open();
    const routed = (await scheduler.decide(post(good))) as Routed;
    time.nowMs += 20;
    routed.responseHeaders(200, () => "application/json", "10.0.0.3:8000");
    time.nowMs += 60;
    const usage = '{"usage":{"prompt_tokens":3,"completion_tokens":5,"prompt_tokens_details":{"cached_tokens":2}}}';
    routed.responseChunk(Buffer.from(usage));
    for (const cause of ["ok", "client_cancelled"] as const) routed.end(cause);
    routed.responseChunk(Buffer.from("late"));
    expect(leases.count()).toBe(0);
    expect(heard.map(({ kind }) => kind)).toEqual(["picked", "headers", "progress", "done"]);
    expect(heard[0]).toMatchObject({ slot: 2, ownScore: 1, totalScore: 1, fallback: false, promptTokens: 13 });
    expect(heard.at(-1)).toMatchObject({
      cause: "ok",
      status: 200,
      promptTokens: 3,
      cachedTokens: 2,
      outputTokens: 5,
      ttftUs: 80_000,
      e2eMs: 80,
    });
    expect(await registry.metrics()).toContain('outrider_requests_total{door="ext_proc",code="200"} 1');
  });

  it("takes a gateway's word for a response that passed by its door", async () => {
    const { scheduler, leases, heard, time, registry } = open();
    const routed = (await scheduler.decide({ ...post(good), door: "pick" })) as Routed;
    time.nowMs += 500;
    const usage = { promptTokens: 30, cachedTokens: 20, outputTokens: 5 };
    routed.report({ status: 200, served: "10.0.0.1:8000", usage, ttftMs: 40.5, e2eMs: 90 });
    routed.end("ok");
    routed.report({ status: 500, served: undefined, usage, ttftMs: 1, e2eMs: 1 });
    expect(heard.map(({ kind }) => kind)).toEqual(["picked", "done"]);
    expect(heard.at(-1)).toMatchObject({ cause: "ok", status: 200, ...usage, ttftUs: 40_500, e2eMs: 90 });
    expect(leases.count()).toBe(0);
    const metrics = await registry.metrics();
    expect(metrics).toContain('outrider_requests_total{door="pick",code="200"} 1');
    expect(metrics).toContain('outrider_served_total{relation="elsewhere"} 1');
  });

  it("measures what a gateway does not tell, as far as it can", async () => {
    const { scheduler, heard, time } = open();
    const routed = (await scheduler.decide(post(good))) as Routed;
    time.nowMs += 500;
    const usage = { promptTokens: 0, cachedTokens: 0, outputTokens: 0 };
    routed.report({ status: 503, served: undefined, usage, ttftMs: 0, e2eMs: 0 });
    routed.end("ok");
    expect(heard.at(-1)).toMatchObject({ cause: "upstream_error", status: 503, ttftUs: 0, e2eMs: 500 });
  });

  it("tells plugins of a request whose end nobody saw", async () => {
    const { scheduler, leases, heard, time } = open();
    await scheduler.decide(post(good));
    time.nowMs += 10_000;
    expect(leases.sweep(time.nowMs, 5_000)).toBe(1);
    expect(heard.at(-1)).toMatchObject({ kind: "done", cause: "unknown", e2eMs: 10_000 });
    expect(leases.count()).toBe(0);
  });

  it("counts responses by what their endpoint was to the decision, where that is told", async () => {
    const { scheduler, registry } = open();
    const routed = (await scheduler.decide(post(good))) as Routed;
    for (const served of ["10.0.0.3:8000", "10.0.0.2:8000", "10.0.0.1:8000", "10.0.0.1:8000", "", undefined]) {
      routed.responseHeaders(200, () => undefined, served);
    }
    const counts = [...(await registry.metrics()).matchAll(/^outrider_served_total\{relation="(\w+)"\} (\d+)$/gm)];
    expect(counts.map(([, relation, count]) => `${relation} ${count}`)).toEqual([
      "pick 1",
      "fallback 1",
      "elsewhere 2",
    ]);
  });

  it("counts a request where it went when the first endpoint did not take it", async () => {
    const { scheduler, table, leases, heard } = open();
    const routed = (await scheduler.decide(post(good))) as Routed;
    routed.responseHeaders(200, () => undefined, "10.0.0.2:8000");
    expect([...table.inflight.requests.slice(0, 3)]).toEqual([0, 1, 0]);
    routed.end("ok");
    expect([leases.count(), heard[0]?.slot, heard.at(-1)?.slot]).toEqual([0, 2, 1]);
  });

  it("does not count it at an endpoint that has left meanwhile", async () => {
    const { scheduler, table, leases } = open();
    const routed = (await scheduler.decide(post(good))) as Routed;
    table.remove("10.0.0.2:8000");
    table.publish(2000);
    routed.responseHeaders(200, () => undefined, "10.0.0.2:8000");
    expect([...table.inflight.requests.slice(0, 3)]).toEqual([0, 0, 1]);
    routed.end("ok");
    expect(leases.count()).toBe(0);
  });

  it("gives the totals of all that was scored, where gateways are to be told", async () => {
    const routed = (await open({ emitsScores: true }).scheduler.decide(post(good))) as Routed;
    expect(routed.scores).toEqual([
      ["10.0.0.1:8000", 0],
      ["10.0.0.2:8000", 0.5],
      ["10.0.0.3:8000", 1],
    ]);
    expect(await open().scheduler.decide(post(good))).toMatchObject({ scores: [] });
  });

  it("takes a model server's error for what it is", async () => {
    const { scheduler, heard } = open();
    const routed = (await scheduler.decide(post(good))) as Routed;
    routed.responseHeaders(503, () => undefined, undefined);
    routed.end("ok");
    expect(heard.at(-1)).toMatchObject({ kind: "done", cause: "upstream_error", status: 503 });
  });

  const refusals = [
    { title: "a body that is no JSON", request: post("nonsense"), status: 400, reason: "" },
    { title: "a body without a model", request: post('{"prompt":"x"}'), status: 400, reason: "" },
    { title: "an empty subset", request: post(good, []), status: 503, reason: "rejected-no-endpoints" },
    { title: "a subset of strangers", request: post(good, ["10.9.9.9"]), status: 503, reason: "rejected-no-endpoints" },
  ];
  for (const { title, request, status, reason } of refusals) {
    it(`refuses ${title} with ${status}`, async () => {
      const { scheduler, leases, heard } = open();
      expect(await scheduler.decide(request)).toMatchObject({ kind: "refused", status, droppedReason: reason });
      expect(leases.count()).toBe(0);
      expect(heard).toEqual([]);
    });
  }

  it("refuses with 503 when there is no endpoint at all", async () => {
    expect(await open({ count: 0 }).scheduler.decide(post(good))).toMatchObject({ status: 503 });
  });

  it("refuses with 429 when the filters leave nothing, and keeps the decision", async () => {
    const none: Filter = { name: "none", type: "none", filter: () => new Uint32Array(0) };
    const { scheduler, ring } = open({ filters: [none] });
    expect(await scheduler.decide(post(good))).toMatchObject({ status: 429, droppedReason: "rejected-saturated" });
    expect(ring.latest(1)[0]?.destination).toEqual([]);
  });

  it("answers 500 and reports when a filter throws, and goes on", async () => {
    let isBroken = true;
    const fragile: Filter = {
      name: "fragile",
      type: "fragile",
      filter({ candidates }) {
        if (isBroken) throw new Error("broken");
        return candidates;
      },
    };
    const { scheduler, faults } = open({ filters: [fragile] });
    expect(await scheduler.decide(post(good))).toMatchObject({ status: 500 });
    expect(faults).toHaveLength(1);
    isBroken = false;
    expect(await scheduler.decide(post(good))).toMatchObject({ kind: "routed" });
  });

  it("decides without a scorer that throws", async () => {
    const { scheduler, heard } = open({
      score() {
        throw new Error("broken");
      },
    });
    const routed = (await scheduler.decide(post(good))) as Routed;
    expect(routed.destinations).toHaveLength(2);
    expect(heard[0]).toMatchObject({ kind: "picked", fallback: true });
  });

  it("decides a request without a body", async () => {
    const request: IncomingRequest = { ...post(good), path: "/v1/models", body: undefined };
    expect(await open().scheduler.decide(request)).toMatchObject({ kind: "routed" });
  });

  describe("holds for a request without a body what holds for others", () => {
    const bodiless = (subset?: readonly string[]): IncomingRequest => ({ ...post(good, subset), body: undefined });

    it("filters and the gateway's subset", async () => {
      const notThird: Filter = { name: "f", type: "f", filter: ({ candidates }) => candidates.filter((i) => i !== 2) };
      const { scheduler } = open({ filters: [notThird] });
      expect(await scheduler.decide(bodiless())).toMatchObject({ destinations: ["10.0.0.2:8000", "10.0.0.1:8000"] });
      expect(await scheduler.decide(bodiless(["10.0.0.1"]))).toMatchObject({ destinations: ["10.0.0.1:8000"] });
    });

    it("503 where there is no endpoint", async () => {
      const refusal = { status: 503, droppedReason: "rejected-no-endpoints" };
      expect(await open({ count: 0 }).scheduler.decide(bodiless())).toMatchObject(refusal);
      expect(await open().scheduler.decide(bodiless([]))).toMatchObject(refusal);
    });
  });

  it("bounds what clients can make of its metrics", async () => {
    const { scheduler, registry } = open();
    const names = ["x".repeat(1_000_000), "line\nbreak", ...Array.from({ length: 1100 }, (_, i) => `model-${i}`)];
    for (const model of names) await scheduler.decide(post(JSON.stringify({ model, prompt: "x" })));
    const lines = (await registry.metrics())
      .split("\n")
      .filter((line) => line.startsWith("outrider_model_decisions_total{"));
    expect(lines).toHaveLength(1001);
    expect(lines.every((line) => line.length < 200)).toBe(true);
    expect(lines).toContain('outrider_model_decisions_total{model="other"} 102');
  });

  it("leaves no trace when it warms up", async () => {
    const { parts, leases, ring, heard, registry } = open();
    const before = await registry.metrics();
    const routed = (await createScheduler(toTraceless(parts)).decide(post(good))) as Routed;
    routed.responseHeaders(200, () => undefined, undefined);
    routed.end("ok");
    expect(leases.count()).toBe(0);
    expect(ring.latest(1)).toEqual([]);
    expect(heard).toEqual([]);
    expect(await registry.metrics()).toBe(before);
  });
});
