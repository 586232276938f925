import { describe, expect, it } from "vitest";
import type { LabEvent } from "../contract/index.ts";
import { arrivals, request, scenario, tell, toConfig } from "./fixtures/scenario.ts";

const events: readonly LabEvent[] = [
  { atMs: 200, servers: ["a"], kind: "slowdown", factor: 4 },
  { atMs: 300, servers: ["b"], kind: "leave" },
  { atMs: 500, servers: ["c"], kind: "crash" },
  { atMs: 700, servers: ["b"], kind: "join", startMs: 100 },
  { atMs: 900, servers: ["c"], kind: "join", startMs: 300 },
];
const sent = arrivals(150, 10, (i) => request({ sessionKey: "x".repeat(i % 5), promptTokens: 200 + 37 * (i % 11) }));
const run = (placement: string, fields = {}) =>
  tell(
    scenario(sent, {
      events,
      configText: toConfig([`listening@${placement}`, `least-scraped@${placement}`], ["listening", "least-scraped"]),
      ...fields,
    }),
  );

describe("plugins on threads", () => {
  it("decide as they do inline, with all that they keep and are told", async () => {
    const [inline, worker] = [await run("inline"), await run("worker")];
    expect(worker.end).toEqual(inline.end);
    expect(worker.outcomes).toEqual(inline.outcomes);
    expect(inline.end.plugins.listening).toMatchObject({ scored: 150 });
  });

  it("are late by virtual time alone", async () => {
    const disturbances = { listening: { latencyMs: 2, missShare: 0.2, outages: [{ atMs: 200, forMs: 100 }] } };
    const [inline, worker] = [await run("inline", { disturbances }), await run("worker", { disturbances })];
    expect(worker.end.plugins).toEqual(inline.end.plugins);
    expect(worker.outcomes.length).toBe(150);
  });
});

describe("plugins that take their time", () => {
  it("have virtual time wait for them", async () => {
    const of = (type: string) => toConfig([`${type}@inline`], [type]);
    const [slowly, atOnce] = [
      await run("", { configText: of("slowly") }),
      await run("", { configText: of("least-sent") }),
    ];
    expect(slowly.outcomes).toEqual(atOnce.outcomes);
    expect(slowly.end.plugins.slowly).toEqual(atOnce.end.plugins["least-sent"]);
  });
});
