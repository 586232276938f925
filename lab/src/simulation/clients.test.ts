import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { LabEvent } from "../contract/index.ts";
import { arrivals, request, scenario, tell, toConfig } from "./fixtures/scenario.ts";

describe("clients", () => {
  it("that give up free what they had, and keep what they got", async () => {
    const of = (i: number) => request({ outputTokens: 500, abortAfterMs: i === 0 ? 300 : 0 });
    const { outcomes, leases } = await tell(scenario(arrivals(2, 10, of)));
    const [first, second] = outcomes;
    expect(first).toMatchObject({ number: 0, kind: "aborted", status: 200, endMs: 300 });
    expect(first?.outputTokens).toBeGreaterThan(0);
    expect(first?.outputTokens).toBeLessThan(500);
    expect(second).toMatchObject({ number: 1, kind: "ok", outputTokens: 500 });
    expect(leases).toBe(0);
  });

  it("that give up before the first token have seen no status", async () => {
    const { outcomes } = await tell(
      scenario(arrivals(1, 1, () => request({ promptTokens: 50_000, abortAfterMs: 20 }))),
    );
    expect(outcomes).toMatchObject([{ kind: "aborted", status: 0, endMs: 20, outputTokens: 0, ttftMs: Number.NaN }]);
  });

  it("time out by the whole answer", async () => {
    const of = (i: number) => request({ outputTokens: i === 0 ? 2_000 : 5 });
    const { outcomes, leases } = await tell(scenario(arrivals(2, 10, of), { clientTimeoutMs: 1_000 }));
    expect(outcomes.find(({ number }) => number === 0)).toMatchObject({ kind: "timed_out", endMs: 1_000 });
    expect(outcomes.find(({ number }) => number === 1)?.kind).toBe("ok");
    expect(leases).toBe(0);
  });

  it("that go away while their request is decided have it sent nowhere", async () => {
    const configText = toConfig(["least-sent@inline"], ["least-sent"], "budget: 50ms");
    const disturbances = { "least-sent": { latencyMs: 30, missShare: 0, outages: [] } };
    const sent = arrivals(1, 1, () => request({ abortAfterMs: 10 }));
    const { outcomes, leases, end } = await tell(scenario(sent, { configText, disturbances }));
    expect(outcomes).toMatchObject([{ kind: "aborted", endMs: 10, server: -1 }]);
    expect(leases).toBe(0);
    expect(end.endMs).toBe(10);
  });

  it("send the tokens of their sessions again", async () => {
    const configText = toConfig(
      ["least-sent@inline", "{ type: session-affinity-filter }"],
      ["session-affinity-filter", "least-sent"],
    );
    const of = (i: number) => request({ sessionKey: `s${i % 2}` });
    const { outcomes } = await tell(scenario(arrivals(20, 1_000, of), { configText }));
    for (const session of ["s0", "s1"]) {
      const servers = outcomes
        .filter(({ request: { sessionKey } }) => sessionKey === session)
        .map(({ server }) => server);
      expect(new Set(servers).size).toBe(1);
    }
  });
});

const kinds = ["crash", "leave", "slowdown", "join"] as const;
const anyEvent = fc
  .record({ atMs: fc.nat(1_500), of: fc.nat(2), kind: fc.constantFrom(...kinds) })
  .map(({ atMs, of, kind }): LabEvent => {
    const servers = [["a", "b", "c"][of] ?? "a"];
    if (kind === "slowdown") return { atMs, servers, kind, factor: 3 };
    return kind === "join" ? { atMs, servers, kind, startMs: 200 } : { atMs, servers, kind };
  });

it("end each request exactly once and leave no lease behind, whatever happens", async () => {
  const anything = fc.record({
    events: fc.array(anyEvent, { maxLength: 8 }),
    aborts: fc.array(fc.nat(400), { minLength: 1, maxLength: 6 }),
    clientTimeoutMs: fc.constantFrom(150, 600, Number.POSITIVE_INFINITY),
    overheadMs: fc.constantFrom(0, 60),
    latencyMs: fc.constantFrom(0, 3, 500),
  });
  await fc.assert(
    fc.asyncProperty(anything, async ({ events, aborts, clientTimeoutMs, overheadMs, latencyMs }) => {
      const sent = arrivals(60, 25, (i) => request({ outputTokens: 60, abortAfterMs: aborts[i % aborts.length] ?? 0 }));
      const disturbances = { "least-sent": { latencyMs, missShare: 0.1, outages: [{ atMs: 400, forMs: 300 }] } };
      const told = await tell(
        scenario(sent, {
          events: events.toSorted((a, b) => a.atMs - b.atMs),
          clientTimeoutMs,
          overheadMs,
          disturbances,
        }),
      );
      expect(told.outcomes.map(({ number }) => number).sort((a, b) => a - b)).toEqual(sent.map((_, i) => i));
      expect(told.leases).toBe(0);
    }),
    { numRuns: 25 },
  );
});
