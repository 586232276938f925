import { describe, expect, it } from "vitest";
import { good, openScheduling, post, type SchedulingOptions } from "./fixtures/open-scheduling.ts";
import type { Routed } from "./types.ts";

/** A request that went to the third endpoint and was let go. */
async function letGo(options: SchedulingOptions = {}, status?: number) {
  const scheduling = openScheduling({ responses: "none", ...options });
  const routed = (await scheduling.scheduler.decide(post(good))) as Routed;
  if (status !== undefined) routed.responseHeaders(status, () => undefined, undefined);
  routed.letGo();
  const ends = () => scheduling.heard.filter(({ kind }) => kind === "done");
  return { ...scheduling, routed, ends };
}

describe("an exchange that was let go", () => {
  it("counts in flight until the second scrape of its endpoint, and then ends once for plugins", async () => {
    const { table, leases, scrape, ends } = await letGo();
    scrape(2);
    expect([table.inflight.requests[2], leases.count(), ends()]).toEqual([1, 1, []]);
    for (let i = 0; i < 3; i++) scrape(2);
    expect([table.inflight.requests[2], leases.count()]).toEqual([0, 0]);
    expect(ends()).toMatchObject([{ kind: "done", cause: "unknown", status: 0, slot: 2, e2eMs: 100 }]);
  });

  it("tells the status that was seen", async () => {
    const { scrape, ends, registry } = await letGo({ responses: "headers" }, 503);
    for (let i = 0; i < 2; i++) scrape(2);
    expect(ends()).toMatchObject([{ cause: "unknown", status: 503 }]);
    expect(await registry.metrics()).toContain('outrider_requests_total{door="ext_proc",code="503"} 1');
  });

  it("counts as a request of unknown status at once", async () => {
    const { registry } = await letGo();
    expect(await registry.metrics()).toContain('outrider_requests_total{door="ext_proc",code="unknown"} 1');
  });

  it("takes nothing more from its door", async () => {
    const { routed, heard, registry, scrape, leases, ends } = await letGo();
    routed.responseHeaders(200, () => undefined, "10.0.0.3:8000");
    routed.responseChunk(Buffer.from('{"usage":{"prompt_tokens":3}}'));
    for (const cause of ["ok", "client_cancelled"] as const) routed.end(cause);
    routed.letGo();
    expect(leases.count()).toBe(1);
    for (let i = 0; i < 2; i++) scrape(2);
    expect(heard.map(({ kind }) => kind)).toEqual(["picked", "done"]);
    expect(ends()).toMatchObject([{ cause: "unknown", status: 0, promptTokens: 0 }]);
    const counts = (await registry.metrics()).match(/^outrider_requests_total\{.*$/gm);
    expect(counts).toEqual(['outrider_requests_total{door="ext_proc",code="unknown"} 1']);
  });

  it("ends with its endpoint", async () => {
    const { table, leases, ends } = await letGo();
    table.remove("10.0.0.3:8000");
    table.publish(6_000);
    expect([leases.count(), ends().length]).toEqual([0, 1]);
  });

  it("ends after 5 minutes where nobody scrapes", async () => {
    const { leases, time, ends } = await letGo();
    time.nowMs += 300_000;
    leases.sweep(time.nowMs, 3_600_000);
    expect(leases.count()).toBe(1);
    time.nowMs += 1;
    leases.sweep(time.nowMs, 3_600_000);
    expect([leases.count(), ends().length]).toEqual([0, 1]);
    expect(ends()).toMatchObject([{ cause: "unknown", e2eMs: 300_001 }]);
  });

  it("leaves nothing to let go where it has ended", async () => {
    const { scheduler, leases, heard, scrape } = openScheduling();
    const routed = (await scheduler.decide(post(good))) as Routed;
    routed.end("ok");
    routed.letGo();
    for (let i = 0; i < 3; i++) scrape(2);
    expect(leases.count()).toBe(0);
    expect(heard.map(({ kind }) => kind)).toEqual(["picked", "done"]);
  });

  it("keeps nothing of the request", async () => {
    const { routed } = await letGo();
    expect(routed.rewrite).toBeUndefined();
  });

  it("returns every count to 0 after many", async () => {
    const { scheduler, leases, table, scrape, heard } = openScheduling({ responses: "none" });
    for (let i = 0; i < 500; i++) {
      ((await scheduler.decide(post(good))) as Routed).letGo();
      if (i % 100 === 99) scrape(2);
    }
    for (let i = 0; i < 2; i++) scrape(2);
    expect([leases.count(), table.inflight.requests[2], table.inflight.promptTokens[2]]).toEqual([0, 0, 0]);
    expect(heard.filter(({ kind }) => kind === "done")).toHaveLength(500);
  });
});
