import { type CycleCall, type FeedbackEvent, OutriderError, type Reason } from "@outrider/core/contract";
import { fakeCall } from "@outrider/transport/testing";
import { pino } from "pino";
import { Registry } from "prom-client";
import { describe, expect, it } from "vitest";
import { plugin } from "./fixtures/harness.ts";
import { createManualClock, type ManualClock } from "./fixtures/manual-clock.ts";
import { createPluginMetrics } from "./metrics.ts";
import { PluginEntry } from "./plugin-entry.ts";
import { PluginJournal } from "./plugin-journal.ts";
import { PluginPort } from "./plugin-port.ts";
import { defaultTiming } from "./plugin-timing.ts";
import { RemotePlugin } from "./remote-plugin.ts";
import { ShadowRun, ShadowTally } from "./shadow-run.ts";

type Score = (call: CycleCall, scores: Float32Array) => Promise<Reason>;

/** A generation of one plugin whose connection is `score`; it is active unless `isBeside`. */
function generation(clock: ManualClock, number: number, score: Score, isBeside = false) {
  const metrics = createPluginMetrics(new Registry(), {
    states: () => [],
    callsInFlight: () => [],
    revLag: () => [],
  });
  const log = pino({ enabled: false });
  const journal = new PluginJournal(clock, metrics.callDurations("mine"));
  const entry = new PluginEntry(plugin("mine"), number, journal, { clock, log, metrics, changed: () => {} });
  const heard: FeedbackEvent[] = [];
  const remote = new RemotePlugin({
    entry,
    clock,
    timing: defaultTiming,
    random: () => 0,
    decisionBudgetMs: 1000,
    produces: [],
    queue: (event) => void heard.push(event),
  });
  for (const state of ["handshaking", "shadow"] as const) entry.move(state);
  if (!isBeside) entry.move("active");
  const granted = [{ key: "events.done" } as const];
  const linked = { entry, granted, produces: [], scoreFromTable: () => false, score, produce: () => Promise.reject() };
  remote.connect(linked, false);
  return { remote, entry, heard };
}

const rate =
  (...rates: number[]): Score =>
  async (_, scores) =>
    scores.set(rates);

const fail =
  (code: "SCORER_FAILED" | "SCORER_SHED"): Score =>
  () =>
    Promise.reject(new OutriderError(code, "no idea"));

/** Puts calls to a port with another generation in shadow; `after` is the tally. */
async function compare(before: Score, after: Score, count = 3) {
  const clock = createManualClock();
  const [active, next] = [generation(clock, 1, before), generation(clock, 2, after, true)];
  const port = new PluginPort(active.remote);
  const tally = new ShadowTally(count);
  port.shadow(new ShadowRun(next.remote, tally, clock));
  const calls: CycleCall[] = [];
  const scores = new Float32Array(2);
  for (let i = 0; i < count; i += 1) {
    const call = fakeCall({ pool: [{}, {}] });
    calls.push(call);
    await Promise.resolve(port.scorer.score(call, scores)).catch(() => {});
    await new Promise((resolve) => setImmediate(resolve));
  }
  return { clock, port, tally, active, next, calls, scores };
}

describe("a generation in shadow", () => {
  const cases: { title: string; before: Score; after: Score; want: readonly number[] }[] = [
    { title: "agrees where the best are the same", before: rate(0.9, 0.1), after: rate(0.6, 0.5), want: [3, 3, 3, 3] },
    { title: "does not where they are not", before: rate(0.9, 0.1), after: rate(0.1, 0.9), want: [3, 3, 3, 0] },
    { title: "does not where only one of them is", before: rate(0.5, 0.5), after: rate(0.5, 0.4), want: [3, 3, 3, 0] },
    { title: "agrees where both abstain", before: rate(Number.NaN, Number.NaN), after: rate(), want: [3, 3, 3, 3] },
    { title: "brings nothing where it fails", before: rate(1, 0), after: fail("SCORER_FAILED"), want: [3, 3, 0, 0] },
    {
      title: "has nothing to answer where the other fails",
      before: fail("SCORER_FAILED"),
      after: rate(1, 0),
      want: [3, 0, 0, 0],
    },
  ];
  for (const { title, before, after, want } of cases) {
    it(title, async () => {
      const { tally } = await compare(before, after);
      await tally.done;
      expect([tally.calls, tally.answeredBefore, tally.answeredAfter, tally.agreed]).toEqual(want);
    });
  }

  it("writes into nobody's scores, vetoes nobody's candidates, and uses up nobody's randomness", async () => {
    const meddles: Score = async (call, scores) => {
      call.veto(0);
      call.random();
      scores.set([0, 0]);
    };
    const { scores, calls } = await compare(rate(0.25, 0.75), meddles);
    expect([...scores]).toEqual([0.25, 0.75]);
    for (const call of calls)
      expect([call.vetoed, call.random()]).toEqual([undefined, fakeCall({ pool: [{}] }).random()]);
  });

  it("is neither counted as late nor ejected, and leaves no last error", async () => {
    const { next, active } = await compare(rate(1, 0), fail("SCORER_FAILED"), 20);
    expect([next.entry.state, next.entry.journal.lastError, next.entry.inFlight]).toEqual(["shadow", "", 0]);
    expect(active.entry.state).toBe("active");
  });

  it("counts calls that it never answered, once they are overdue, and those under way not at all", async () => {
    const { tally, clock } = await compare(rate(1, 0), () => new Promise(() => {}));
    expect(tally.calls).toBe(0);
    clock.advance(1_001);
    tally.close(clock.elapsedMs());
    expect([tally.calls, tally.answeredAfter]).toEqual([3, 0]);
    const other = await compare(rate(1, 0), () => new Promise(() => {}));
    other.tally.close(other.clock.elapsedMs());
    expect(other.tally.toComparison("team", 2)).toEqual({
      name: "team",
      generation: 2,
      calls: 0,
      agreement: Number.NaN,
      before: expect.anything(),
    });
  });

  const done = { kind: "done", slot: 0, atMs: 1, cause: "ok", status: 200, promptTokens: 0, cachedTokens: 0 } as const;

  it("hears of the calls that it was put, and of those that the other shed that they came to nothing", async () => {
    const { port, calls, active, next } = await compare(rate(1, 0), rate(1, 0), 1);
    const end = { ...done, callId: calls[0]!.callId, outputTokens: 0, ttftUs: 0, e2eMs: 1 };
    port.scorer.feedback!(end);
    expect([active.heard, next.heard]).toEqual([[end], [end]]);
    const shed = await compare(fail("SCORER_SHED"), rate(1, 0), 1);
    expect(shed.next.heard).toMatchObject([{ kind: "done", cause: "never_sent" }]);
  });

  it("takes over: later calls are its own, earlier ones end where they are", async () => {
    const clock = createManualClock();
    const answer = Promise.withResolvers<Reason>();
    const [first, second] = [generation(clock, 1, () => answer.promise), generation(clock, 2, rate(1, 0))];
    const port = new PluginPort(first.remote);
    const early = port.scorer.score(fakeCall({ pool: [{}, {}] }), new Float32Array(2));
    port.switchTo(second.remote);
    const scores = new Float32Array(2);
    await port.scorer.score(fakeCall({ pool: [{}, {}] }), scores);
    answer.resolve("by the first");
    expect([await early, [...scores], port.entry.generation]).toEqual(["by the first", [1, 0], 2]);
  });

  it("is asked by no rehearsal", async () => {
    const clock = createManualClock();
    let asked = 0;
    const counts: Score = async () => {
      asked += 1;
    };
    const port = new PluginPort(generation(clock, 1, rate(1, 0)).remote);
    port.shadow(new ShadowRun(generation(clock, 2, counts, true).remote, new ShadowTally(1), clock));
    await port.scorer.score({ ...fakeCall({ pool: [{}, {}] }), isRehearsal: true }, new Float32Array(2));
    expect(asked).toBe(0);
  });
});

describe("a plugin's judgement", () => {
  it("leaves calls alone whose budget others have used up", async () => {
    const clock = createManualClock();
    const late: Score = async () => clock.advance(400);
    const { remote, entry } = generation(clock, 1, late);
    const port = new PluginPort(remote);
    for (let i = 0; i < 300; i += 1) {
      await port.scorer.score(fakeCall({ pool: [{}], budgetUs: 300_000 }), new Float32Array(1));
    }
    expect([entry.state, entry.journal.lateAnswers]).toEqual(["active", 300]);
    let answer = Promise.withResolvers<void>();
    const slow = generation(clock, 1, () => answer.promise);
    const other = new PluginPort(slow.remote);
    for (let round = 0; round < 20 && slow.entry.serving; round += 1) {
      const put = async () => other.scorer.score(fakeCall({ pool: [{}] }), new Float32Array(1));
      const answers = Array.from({ length: 20 }, put);
      clock.advance(1_100);
      answer.resolve();
      answer = Promise.withResolvers();
      await Promise.allSettled(answers);
    }
    expect(slow.entry.state).toBe("ejected");
  });
});
