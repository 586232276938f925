import { describe, expect, it } from "vitest";
import type { LabEvent } from "../contract/index.ts";
import { arrivals, countByServer, request, scenario, server, tell, toConfig } from "./fixtures/scenario.ts";

const scraped = toConfig(["least-scraped@inline"], ["least-scraped"]);

describe("servers", () => {
  it("that crash fail what is under way, and are found to be gone", async () => {
    const events: LabEvent[] = [{ atMs: 1_000, servers: ["b"], kind: "crash" }];
    const long = () => request({ outputTokens: 200 });
    const { outcomes, leases } = await tell(scenario(arrivals(400, 10, long), { events }));
    const failed = outcomes.filter(({ kind }) => kind === "failed");
    expect(failed.length).toBeGreaterThan(0);
    expect(failed.every(({ server, endMs }) => server === 1 && endMs >= 1_000)).toBe(true);
    const started = failed.filter(({ ttftMs }) => !Number.isNaN(ttftMs));
    expect(started.length).toBeGreaterThan(0);
    expect(started.every(({ status, outputTokens }) => status === 200 && outputTokens > 0)).toBe(true);
    const refused = failed.filter(({ sentMs }) => sentMs > 1_000);
    expect(refused.every(({ status, endMs, sentMs }) => status === 503 && endMs === sentMs)).toBe(true);
    expect(Math.max(...refused.map(({ sentMs }) => sentMs))).toBeLessThan(1_300);
    expect(leases).toBe(0);
  });

  it("that crash and join again are asked again when their start is over", async () => {
    const events: LabEvent[] = [
      { atMs: 500, servers: ["b"], kind: "crash" },
      { atMs: 1_000, servers: ["b"], kind: "join", startMs: 2_000 },
    ];
    const { outcomes } = await tell(scenario(arrivals(600, 10), { events }));
    const answered = outcomes.filter(({ server, kind }) => server === 1 && kind === "ok").map(({ sentMs }) => sentMs);
    expect(answered.filter((atMs) => atMs >= 500 && atMs < 3_000)).toEqual([]);
    const again = Math.min(...answered.filter((atMs) => atMs >= 3_000));
    expect(again).toBeLessThan(4_200);
  });

  it("that leave finish what they have and get nothing more", async () => {
    const events: LabEvent[] = [{ atMs: 1_000, servers: ["a", "b"], kind: "leave" }];
    const { outcomes, leases } = await tell(scenario(arrivals(300, 10), { events }));
    expect(outcomes.every(({ kind }) => kind === "ok")).toBe(true);
    expect(outcomes.filter(({ sentMs, server }) => sentMs > 1_000 && server !== 2)).toEqual([]);
    expect(outcomes.some(({ sentMs, endMs, server }) => sentMs <= 1_000 && endMs > 1_000 && server === 0)).toBe(true);
    expect(leases).toBe(0);
  });

  it("that all leave have requests refused", async () => {
    const events: LabEvent[] = [{ atMs: 100, servers: ["a", "b", "c"], kind: "leave" }];
    const { outcomes } = await tell(scenario(arrivals(20, 10), { events }));
    const late = outcomes.filter(({ sentMs }) => sentMs > 100);
    expect(late.length).toBe(9);
    expect(late.every(({ kind, status, server }) => kind === "refused" && status === 503 && server === -1)).toBe(true);
  });

  it("that join later are not there before, and are not asked while they start", async () => {
    const events: LabEvent[] = [{ atMs: 1_000, servers: ["c"], kind: "join", startMs: 1_000 }];
    const { outcomes } = await tell(scenario(arrivals(400, 10), { events }));
    const ofC = outcomes.filter(({ server }) => server === 2);
    expect(ofC.every(({ sentMs }) => sentMs >= 1_000)).toBe(true);
    const refused = ofC.filter(({ kind }) => kind === "failed").map(({ sentMs }) => sentMs);
    expect(Math.max(...refused)).toBeLessThan(1_300);
    expect(ofC.filter(({ kind }) => kind === "ok").length).toBeGreaterThan(20);
  });

  it("that are slowed down take longer, and are avoided by who sees it", async () => {
    const events: LabEvent[] = [{ atMs: 0, servers: ["a"], kind: "slowdown", factor: 20 }];
    const { outcomes } = await tell(scenario(arrivals(300, 10), { events }));
    const meanTtft = (of: number) => {
      const own = outcomes.filter(({ server }) => server === of);
      return own.reduce((sum, { ttftMs }) => sum + ttftMs, 0) / own.length;
    };
    expect(meanTtft(0)).toBeGreaterThan(5 * meanTtft(1));
    const [a = 0, b = 0] = countByServer({ outcomes }, 3);
    expect(a).toBeLessThan(b / 2);
  });
});

describe("scrapes", () => {
  it("are what scorers of measurements decide by", async () => {
    const { end } = await tell(scenario(arrivals(60, 20), { configText: scraped }));
    expect(end.plugins["least-scraped"]).toMatchObject({ scored: 60, abstained: 0 });
  });

  it("are not there before the first that is old enough", async () => {
    const { end } = await tell(scenario(arrivals(60, 20), { configText: scraped, stalenessMs: 600 }));
    expect(end.plugins["least-scraped"]).toMatchObject({ abstained: 30, scored: 30 });
  });

  it("make worse decisions the older they are", async () => {
    const busiest = async (stalenessMs: number) => {
      const sent = arrivals(600, 10, () => request({ outputTokens: 60 }));
      const { samples } = await tell(scenario(sent, { configText: scraped, stalenessMs, scrapeIntervalMs: 20 }));
      return Math.max(...samples.map(({ running, waiting }) => running + waiting));
    };
    expect(await busiest(2_000)).toBeGreaterThan(1.5 * (await busiest(0)));
  });
});

describe("adapters", () => {
  const servers = ["a", "b"].map((name) => server(name, { model: "llama", adapters: ["one", "two"], maxAdapters: 2 }));

  it("in use are told by scrapes to those who prefer them", async () => {
    const configText = toConfig(["adapter-in-use@inline"], ["adapter-in-use"]);
    const of = (i: number) => request({ model: i % 2 === 0 ? "one" : "two", outputTokens: 100 });
    const { outcomes, end } = await tell(scenario(arrivals(40, 200, of), { servers, configText }));
    for (const model of ["one", "two"]) {
      const used = outcomes.filter((outcome) => outcome.request.model === model).map((outcome) => outcome.server);
      expect(new Set(used).size).toBe(1);
    }
    expect(end.plugins["adapter-in-use"]?.scored).toBe(40);
  });

  it("keep equal prompts apart", async () => {
    const blockKeys = Float64Array.from({ length: 25 }, (_, i) => 1_000 + i);
    const of = (i: number) => request({ model: i === 1 ? "two" : "one", blockKeys });
    const { outcomes } = await tell(scenario(arrivals(3, 1_000, of), { servers: servers.slice(0, 1) }));
    expect(outcomes.map(({ cachedTokens }) => cachedTokens)).toEqual([0, 0, 384]);
  });
});
