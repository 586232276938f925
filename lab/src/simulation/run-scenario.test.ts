import { describe, expect, it } from "vitest";
import { arrivals, countByServer, request, scenario, tell, toConfig } from "./fixtures/scenario.ts";

describe("bad input", () => {
  const cases = [
    {
      title: "a configuration that does not fit, with its place",
      fields: { configText: toConfig(["least-sent@inline"], ["nobody"]) },
      code: "CONFIG_INVALID",
      message: "test.yaml:8:",
    },
    {
      title: "a disturbance of a plugin that there is not",
      fields: { disturbances: { nobody: { latencyMs: 1, missShare: 0, outages: [] } } },
      code: "SCENARIO_INVALID",
      message: "no plugin nobody; it has least-sent",
    },
    {
      title: "a workload that throws while it runs",
      fields: {
        workload: {
          async *open() {
            yield arrivals(3, 10);
            throw Object.assign(new Error("line 4: no timestamp"), { code: "SCENARIO_INVALID" });
          },
        },
      },
      code: "SCENARIO_INVALID",
      message: "line 4",
    },
  ];
  for (const { title, fields, code, message } of cases) {
    it(`is ${title}`, async () => {
      await expect(tell(scenario(arrivals(3, 10), fields))).rejects.toMatchObject({
        code,
        message: expect.stringContaining(message),
      });
    });
  }

  it("ends with what an observer throws", async () => {
    const observer = {
      ended() {
        throw new Error("the disk is full");
      },
      sampled() {},
    };
    await expect(tell(scenario(arrivals(3, 10)), { observer })).rejects.toThrow("the disk is full");
  });
});

describe("a run", () => {
  it("answers every request and says when", async () => {
    const { end, outcomes, leases } = await tell(scenario(arrivals(30, 10)));
    expect(outcomes.map(({ number }) => number).sort((a, b) => a - b)).toEqual(Array.from({ length: 30 }, (_, i) => i));
    for (const { kind, status, ttftMs, endMs, sentMs, outputTokens } of outcomes) {
      expect({ kind, status, outputTokens }).toEqual({ kind: "ok", status: 200, outputTokens: 20 });
      expect(ttftMs).toBeGreaterThan(0);
      expect(endMs).toBeGreaterThan(sentMs + ttftMs);
    }
    expect(end).toMatchObject({ sent: 30, cutShort: undefined, plugins: { "least-sent": { scored: 30 } } });
    expect(end.endMs).toBe(Math.max(...outcomes.map(({ endMs }) => endMs)));
    expect(leases).toBe(0);
  });

  it("is over at once without requests", async () => {
    expect((await tell(scenario([]))).end).toMatchObject({ sent: 0, endMs: 0, cutShort: undefined });
  });

  it("spreads requests as its scorer says", async () => {
    expect(countByServer(await tell(scenario(arrivals(30, 1))), 3)).toEqual([10, 10, 10]);
  });

  it("says the same twice, and something else with another seed", async () => {
    const run = (seed: number) => tell(scenario(arrivals(60, 3), { seed }));
    const [one, again, other] = [await run(5), await run(5), await run(6)];
    expect(again).toEqual(one);
    expect(other.end.picksSha256).not.toBe(one.end.picksSha256);
  });

  it("sends nothing behind its duration, and finishes what is under way", async () => {
    const { end, outcomes } = await tell(scenario(arrivals(100, 10), { durationMs: 95 }));
    expect(end.sent).toBe(10);
    expect(outcomes.filter(({ kind }) => kind === "ok").length).toBe(10);
    expect(end.endMs).toBeGreaterThan(95);
  });

  it("adds its overhead to every TTFT", async () => {
    const ttftOf = async (overheadMs: number) =>
      (await tell(scenario([{ atMs: 0, request: request() }], { overheadMs }))).outcomes[0]?.ttftMs ?? Number.NaN;
    expect((await ttftOf(60)) - (await ttftOf(0))).toBeCloseTo(60, 6);
  });

  it("sends the next turn of a conversation behind the answer to the one before", async () => {
    const second = request({ promptTokens: 500 });
    const first = request({ next: () => ({ afterMs: 1_000, request: second }) });
    const { outcomes } = await tell(scenario([{ atMs: 0, request: first }]));
    expect(outcomes.map(({ request: { promptTokens } }) => promptTokens)).toEqual([400, 500]);
    expect(outcomes[1]?.sentMs).toBe((outcomes[0]?.endMs ?? 0) + 1_000);
  });

  it("samples every server each second", async () => {
    const { samples } = await tell(scenario(arrivals(40, 100)));
    const first = samples.filter(({ server }) => server === 0).map(({ atMs }) => atMs);
    expect(first.slice(0, 4)).toEqual([0, 1_000, 2_000, 3_000]);
    expect(samples.length % 3).toBe(0);
  });

  it("finds prompts again that a server has computed", async () => {
    const blockKeys = Float64Array.from({ length: 25 }, (_, i) => 1_000 + i);
    const servers = scenario([]).servers.slice(0, 1);
    const { outcomes } = await tell(
      scenario(
        arrivals(2, 5_000, () => request({ blockKeys })),
        { servers },
      ),
    );
    expect(outcomes.map(({ cachedTokens }) => cachedTokens)).toEqual([0, 384]);
    expect(outcomes[1]?.ttftMs).toBeLessThan(outcomes[0]?.ttftMs ?? 0);
  });

  it("fails what no server could ever hold", async () => {
    const long = request({ promptTokens: 10_000_000 });
    const { outcomes, leases } = await tell(scenario([{ atMs: 0, request: long }]));
    expect(outcomes).toMatchObject([{ kind: "failed", status: 400, outputTokens: 0, ttftMs: Number.NaN }]);
    expect(leases).toBe(0);
  });

  it("stops where it is told to, and says so", async () => {
    const aborter = new AbortController();
    const seen: number[] = [];
    const observer = {
      ended: ({ number }: { readonly number: number }) => {
        seen.push(number);
        if (seen.length === 5) aborter.abort("SIGINT");
      },
      sampled() {},
    };
    const { end } = await tell(scenario(arrivals(500, 10)), { observer, signal: aborter.signal });
    expect(end.cutShort).toBe("interrupted: SIGINT");
    expect(seen.length).toBe(5);
    expect(end.sent).toBeLessThan(500);
  });
});
