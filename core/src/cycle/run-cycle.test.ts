import { describe, expect, it } from "vitest";
import type { CycleCall } from "../contract/index.ts";
import { deriveSeed, OutriderError, type PeerPick } from "../contract/index.ts";
import { filterOf, handlerOf, inputOf, planOf, profileOf, scorerOf, tableOf, weighted } from "./fixtures/plans.ts";
import { VirtualClock } from "./fixtures/virtual-clock.ts";
import { runCycle } from "./run-cycle.ts";
import type { CycleInput, DecisionRecord, PlannedProducer, Profile } from "./types.ts";

function decide(input: CycleInput): DecisionRecord {
  const record = runCycle(input);
  if (record instanceof Promise) throw new Error("the decision waits");
  return record;
}

const never = () => new Promise<undefined>(() => {});

function producerOf(
  name: string,
  produces: readonly string[],
  produce: PlannedProducer["producer"]["produce"],
  budgetMs = 2,
): PlannedProducer {
  return { producer: { name, type: "test", produces, produce }, budgetMs };
}

describe("a decision", () => {
  it("is made at once when all answer at once, without a timer", () => {
    const clock = new VirtualClock();
    const plan = planOf(profileOf([weighted(scorerOf("a", [0, 0.5, 1]))]));
    expect(decide(inputOf(tableOf(3), plan, { clock }))).toMatchObject({
      decisionId: "d-1",
      atMs: 1_000_000,
      generation: 3,
      seed: 42,
      destination: [2],
      producers: [],
      durationUs: 0,
    });
    expect(clock.started).toBe(0);
  });

  it("has a destination for one candidate and no scorer", () => {
    expect(decide(inputOf(tableOf(1), planOf(profileOf([])))).destination).toEqual([0]);
  });

  it("asks scorers for one candidate too, since some learn from it", () => {
    const scorer = scorerOf("a", [0.5]);
    expect(decide(inputOf(tableOf(1), planOf(profileOf([weighted(scorer)])))).profiles[0].scorers[0].kind).toBe(
      "scored",
    );
  });

  it("names what it was made from", () => {
    const table = tableOf(3);
    const input = inputOf(table, planOf(profileOf([])), { candidates: Uint32Array.of(0, 2) });
    const record = decide(input);
    expect(record.snapshot).toBe(table.current);
    expect(record.facts).toBe(input.facts);
    expect(record.candidates).toBe(input.candidates);
  });

  it("lets a fault of a picker out, at once or by rejection", async () => {
    const clock = new VirtualClock();
    const picker = {
      name: "p",
      type: "test",
      pick: () => {
        throw new Error("broken");
      },
    };
    expect(() => runCycle(inputOf(tableOf(1), planOf(profileOf([], { picker }))))).toThrow("broken");
    const slow = weighted(scorerOf("slow", () => clock.wait(1, undefined)));
    const decision = runCycle(inputOf(tableOf(1), planOf(profileOf([slow], { picker })), { clock }));
    const caught = Promise.resolve(decision).catch((error: Error) => error.message);
    await clock.advance(2);
    expect(await caught).toBe("broken");
  });
});

describe("a call", () => {
  it("has candidates, columns, facts, clock and a seed of its own", () => {
    const calls: CycleCall[] = [];
    const spy = (name: string) => weighted(scorerOf(name, (call) => void calls.push(call)));
    const table = tableOf(3);
    const input = inputOf(table, planOf(profileOf([spy("a"), spy("b")])), { candidates: Uint32Array.of(0, 2) });
    decide(input);
    expect(calls.map(({ callId, seed }) => [callId, seed])).toEqual([
      [100, deriveSeed(42, 0)],
      [101, deriveSeed(42, 1)],
    ]);
    const [call] = calls;
    expect([...call.candidates]).toEqual([0, 2]);
    expect([...call.candidateBitmap()]).toEqual([0b101]);
    expect(call.candidateBitmap()).toBe(calls[1].candidateBitmap());
    expect(call.columns.waitingRequests[2]).toBe(2);
    expect(call.columns.ageMs("waiting_requests", 2)).toBe(100_000);
    expect(call.columns.ageMs("waiting_requests", 99)).toBe(Number.POSITIVE_INFINITY);
    expect(call.columns.ageMs("inflight_requests", 0)).toBe(0);
    expect(call.endpoints.at(2)?.id).toBe("e2");
    expect(call.request).toBe(input.facts);
    expect([call.profile, call.peers, call.nowMs, call.budgetUs]).toEqual(["default", [], 1_000_000, 2_000]);
  });

  it("draws the same random numbers for the same seed, also by a detached function", () => {
    const drawn: number[][] = [];
    const scorer = scorerOf("a", ({ random }) => void drawn.push([random(), random()]));
    for (const seed of [1, 1, 2]) decide(inputOf(tableOf(1), planOf(profileOf([weighted(scorer)])), { seed }));
    expect(drawn[0]).toEqual(drawn[1]);
    expect(drawn[0]).not.toEqual(drawn[2]);
    expect(drawn[0][0]).not.toBe(drawn[0][1]);
  });

  it("sees what was sent as a copy of the start, where the plan reads it", () => {
    const table = tableOf(2);
    table.inflight.requests[1] = 7;
    const seen: number[] = [];
    const scorer = scorerOf(
      "a",
      ({ columns }) => void seen.push(columns.inflightRequests[1], columns.get("inflight_requests")[1]),
    );
    const profile = profileOf([weighted(scorer)]);
    const reading = decide(inputOf(table, planOf(profile, { readsInflight: true })));
    const other = decide(inputOf(table, planOf(profile)));
    table.inflight.requests[1] = 9;
    expect(seen).toEqual([7, 7, 0, 0]);
    expect([...reading.inflight.requests]).toEqual([0, 7]);
    expect(other.inflight.requests).toHaveLength(0);
  });
});

describe("outcomes", () => {
  const thrown = (error: unknown) => () => {
    throw error;
  };
  const coded = (code: "SCORER_SHED" | "SCORER_DEADLINE" | "SCORER_UNAVAILABLE") => new OutriderError(code, `${code}!`);
  const { NaN: none, POSITIVE_INFINITY: infinite } = Number;
  const cases = [
    { title: "scores", score: [0, 1], want: { kind: "scored", reason: "", clamped: 0 }, scores: [0, 1] },
    { title: "scores outside of [0, 1]", score: [-3, 1.5], want: { kind: "scored", clamped: 2 }, scores: [0, 1] },
    { title: "scores for some", score: [none, 0.5], want: { kind: "scored", clamped: 0 }, scores: [none, 0.5] },
    { title: "scores for none", score: [none, none], want: { kind: "abstained", reason: "" }, scores: [] },
    { title: "a reason for none", score: () => "cold", want: { kind: "abstained", reason: "cold" }, scores: [] },
    {
      title: "Infinity",
      score: [1, infinite],
      want: { kind: "failed", error: { code: "SCORES_INVALID" } },
      scores: [],
    },
    {
      title: "−Infinity",
      score: [-infinite, 1],
      want: { kind: "failed", error: { code: "SCORES_INVALID" } },
      scores: [],
    },
    {
      title: "an error",
      score: thrown(coded("SCORER_UNAVAILABLE")),
      want: { kind: "failed", error: { code: "SCORER_UNAVAILABLE" } },
      scores: [],
    },
    {
      title: "a foreign error",
      score: thrown(new TypeError("x")),
      want: { kind: "failed", error: { code: "SCORER_FAILED", message: "s: x", cause: new TypeError("x") } },
      scores: [],
    },
    {
      title: "anything thrown",
      score: thrown("x"),
      want: { kind: "failed", error: { code: "SCORER_FAILED", message: "s: x" } },
      scores: [],
    },
    {
      title: "being shed",
      score: thrown(coded("SCORER_SHED")),
      want: { kind: "shed", reason: "SCORER_SHED!" },
      scores: [],
    },
    {
      title: "its own deadline",
      score: thrown(coded("SCORER_DEADLINE")),
      want: { kind: "late", reason: "SCORER_DEADLINE!" },
      scores: [],
    },
  ];
  for (const { title, score, want, scores } of cases) {
    const scorer = scorerOf("s", score);
    const later = scorerOf("s", async (call, target) => scorer.score(call, target));
    for (const [when, which] of [
      ["at once", scorer],
      ["later", later],
    ] as const) {
      it(`of ${title} ${when}: ${want.kind}`, async () => {
        const record = await runCycle(inputOf(tableOf(2), planOf(profileOf([weighted(which, 2)]))));
        const [outcome] = record.profiles[0].scorers;
        expect(outcome).toMatchObject({ name: "s", type: "test", weight: 2, callId: 100, ...want });
        expect([...outcome.scores]).toEqual(scores);
      });
    }
  }

  const reasons = [
    { title: "kept up to 200 bytes", reason: "r".repeat(200), want: "r".repeat(200) },
    { title: "cut behind 200 bytes", reason: "r".repeat(201), want: "r".repeat(200) },
    { title: "cut between characters", reason: "€".repeat(70), want: "€".repeat(66) },
    { title: "dropped where it is no text", reason: 5 as never, want: "" },
  ];
  for (const { title, reason, want } of reasons) {
    it(`have a reason ${title}`, () => {
      const scorer = scorerOf("s", (_, scores) => {
        scores.fill(1);
        return reason;
      });
      expect(decide(inputOf(tableOf(1), planOf(profileOf([weighted(scorer)])))).profiles[0].scorers[0]).toMatchObject({
        reason: want,
      });
    });
  }
});

describe("a budget", () => {
  const slow = (clock: VirtualClock, delayMs: number, score = 1) =>
    scorerOf(`slow${delayMs}`, async (_, scores) => {
      await clock.wait(delayMs, undefined);
      scores.fill(score);
      return "in the end";
    });

  it("ends the wait for each scorer at its cap, by one timer at a time", async () => {
    const clock = new VirtualClock();
    const scorers = [
      weighted(slow(clock, 1.5), 1, 2),
      weighted(slow(clock, 9), 1, 2),
      weighted(slow(clock, 10), 1, 4),
      weighted(slow(clock, 2.9), 1, 4),
    ];
    const decision = runCycle(inputOf(tableOf(2), planOf(profileOf(scorers)), { clock }));
    expect(clock.armed).toBe(scorers.length + 1);
    await clock.advance(4);
    const { profiles, durationUs } = await decision;
    expect(profiles[0].scorers.map(({ kind, durationUs }) => [kind, durationUs])).toEqual([
      ["scored", 1_500],
      ["late", 2_000],
      ["late", 4_000],
      ["scored", 2_900],
    ]);
    expect(durationUs).toBe(4_000);
    expect(clock.started).toBe(2);
    await clock.advance(20);
    expect(profiles[0].scorers.map(({ kind }) => kind)).toEqual(["scored", "late", "late", "scored"]);
  });

  it("ends the decision though every cap is longer", async () => {
    const clock = new VirtualClock();
    const decision = runCycle(
      inputOf(tableOf(2), planOf(profileOf([weighted(scorerOf("a", never), 1, 60)])), { clock }),
    );
    await clock.advance(5);
    expect(await decision).toMatchObject({
      durationUs: 5_000,
      destination: [0],
      profiles: [{ scorers: [{ kind: "late" }] }],
    });
    expect(clock.armed).toBe(0);
  });

  it("is not waited out when all have answered, and leaves no timer", async () => {
    const clock = new VirtualClock();
    const decision = runCycle(inputOf(tableOf(2), planOf(profileOf([weighted(slow(clock, 1))])), { clock }));
    await clock.advance(1);
    expect((await decision).durationUs).toBe(1_000);
    expect(clock.armed).toBe(0);
  });

  it("is shared by producers and all profiles, and what answers at once counts when it is spent", async () => {
    const clock = new VirtualClock();
    const budgets: number[] = [];
    const spy = scorerOf("spy", (call, scores) => {
      budgets.push(call.budgetUs);
      scores.set([0, 1]);
    });
    const waves = [[producerOf("p", ["data.x"], never, 60)]];
    const profile = profileOf([weighted(spy), weighted(scorerOf("a", async () => undefined))]);
    const decision = runCycle(inputOf(tableOf(2), planOf(profile, { waves }), { clock }));
    await clock.advance(5);
    const { producers, profiles, destination } = await decision;
    expect(producers[0].kind).toBe("late");
    expect(budgets).toEqual([0]);
    expect(profiles[0].scorers.map(({ kind }) => kind)).toEqual(["scored", "late"]);
    expect(destination).toEqual([1]);
  });

  it("gives a call the time that is left, never less than none", () => {
    const clock = new VirtualClock();
    const budgets: number[] = [];
    const hog = scorerOf("hog", (call) => {
      budgets.push(call.budgetUs);
      clock.block(4);
    });
    decide(inputOf(tableOf(1), planOf(profileOf([weighted(hog), weighted(hog), weighted(hog)])), { clock }));
    expect(budgets).toEqual([2_000, 1_000, 0]);
  });

  it("counts an answer that comes before the bell is heard", async () => {
    const clock = new VirtualClock();
    let answer: (reason: undefined) => void = () => {};
    const scorer = scorerOf("a", (_, scores) => {
      scores.fill(1);
      return new Promise((resolve) => {
        answer = resolve;
      });
    });
    const decision = runCycle(inputOf(tableOf(1), planOf(profileOf([weighted(scorer)])), { clock }));
    clock.block(3);
    answer(undefined);
    expect((await decision).profiles[0].scorers[0]).toMatchObject({ kind: "scored", durationUs: 3_000 });
  });

  it("drops a rejection behind the bell", async () => {
    const clock = new VirtualClock();
    const scorer = scorerOf("a", async () => {
      await clock.wait(9, undefined);
      throw new Error("too late");
    });
    const decision = runCycle(inputOf(tableOf(1), planOf(profileOf([weighted(scorer)])), { clock }));
    await clock.advance(20);
    expect((await decision).profiles[0].scorers[0]).toMatchObject({ kind: "late", durationUs: 2_000 });
  });
});

describe("a scorer that misbehaves", () => {
  it("cannot answer twice", async () => {
    const scorer = scorerOf("a", (_, scores) => {
      scores.fill(1);
      return new Promise((resolve, reject) => {
        resolve("first");
        resolve("second");
        reject(new Error("third"));
      });
    });
    const { profiles } = await runCycle(inputOf(tableOf(2), planOf(profileOf([weighted(scorer)]))));
    expect(profiles[0].scorers[0]).toMatchObject({ kind: "scored", reason: "first" });
  });

  it("cannot change its scores behind its answer", async () => {
    const clock = new VirtualClock();
    let kept = new Float32Array(0);
    const rude = scorerOf("rude", async (_, scores) => {
      kept = scores as Float32Array<ArrayBuffer>;
      scores.set([1, 0]);
    });
    const slow = scorerOf("slow", () => clock.wait(1, undefined));
    const decision = runCycle(inputOf(tableOf(2), planOf(profileOf([weighted(rude), weighted(slow)])), { clock }));
    await clock.advance(1);
    const record = await decision;
    kept.set([Number.NaN, Number.POSITIVE_INFINITY]);
    expect([...record.profiles[0].scorers[0].scores]).toEqual([1, 0]);
    expect(record.destination).toEqual([0]);
  });

  it("does not keep the others from being heard", () => {
    const bad = scorerOf("bad", () => {
      throw new Error("broken");
    });
    const record = decide(
      inputOf(tableOf(2), planOf(profileOf([weighted(bad, 9), weighted(scorerOf("good", [0, 1]), 1)]))),
    );
    expect(record.profiles[0].totals[1]).toBe(10);
    expect(record.destination).toEqual([1]);
  });
});

describe("filters", () => {
  it("run in order, each on what the last one left, and keep data with its candidate", () => {
    const seen: number[][] = [];
    const spy = scorerOf("spy", (call, scores) => {
      seen.push([...call.candidates], [...call.data.get("data.x")], [...call.data.get("data.none")]);
      scores.set([0, 1]);
    });
    const waves = [[producerOf("p", ["data.x"], (_, [values]) => values.set([10, 11, 12, 13]))]];
    const filters = [filterOf("not 0", (slot) => slot !== 0), filterOf("not 2", (slot) => slot !== 2)];
    const record = decide(inputOf(tableOf(4), planOf(profileOf([weighted(spy)], { filters }), { waves })));
    expect(seen).toEqual([
      [1, 3],
      [11, 13],
      [Number.NaN, Number.NaN],
    ]);
    expect(record.profiles[0].filters.map(({ name, kept }) => [name, [...kept]])).toEqual([
      ["not 0", [1, 2, 3]],
      ["not 2", [1, 3]],
    ]);
    expect(record.destination).toEqual([3]);
  });

  it("that leave nothing end the profile: nobody is asked, nothing is picked", () => {
    let asked = 0;
    const spy = scorerOf("spy", () => void asked++);
    const filters = [filterOf("none", () => false), filterOf("never run", () => true)];
    const record = decide(inputOf(tableOf(2), planOf(profileOf([weighted(spy)], { filters }))));
    expect(record).toMatchObject({ destination: [], profiles: [{ name: "default", picked: [], scorers: [] }] });
    expect(record.profiles[0].filters).toHaveLength(1);
    expect(asked).toBe(0);
  });
});

describe("producers", () => {
  it("are asked whatever becomes of those before them (defect: a failed producer silences all later ones)", () => {
    const broken = producerOf("broken", ["data.a"], () => {
      throw new Error("no index");
    });
    const beside = producerOf("beside", ["data.b"], (_, [values]) => void values.fill(1));
    const behind = producerOf("behind", ["data.c"], (_, [values]) => void values.fill(2));
    const waves = [[broken, beside], [behind]];
    const { producers } = decide(inputOf(tableOf(2), planOf(profileOf([]), { waves })));
    expect(producers.map(({ name, kind }) => [name, kind])).toEqual([
      ["broken", "failed"],
      ["beside", "scored"],
      ["behind", "scored"],
    ]);
  });

  it("run in waves, each seeing what earlier ones wrote", async () => {
    const clock = new VirtualClock();
    const first = producerOf("first", ["data.a", "data.b"], async (_, [a, b]) => {
      await clock.wait(1, undefined);
      a.fill(1);
      b.fill(2);
      return "done";
    });
    const second = producerOf(
      "second",
      ["data.c"],
      ({ data }, [c]) => void c.fill(data.get("data.a")[0] + data.get("data.b")[1]),
    );
    const scorer = scorerOf("s", ({ data }, scores) => void scores.fill(data.get("data.c")[0] / 10));
    const decision = runCycle(
      inputOf(tableOf(2), planOf(profileOf([weighted(scorer)]), { waves: [[first], [second]] }), { clock }),
    );
    await clock.advance(1);
    const { producers, profiles } = await decision;
    expect(producers.map(({ name, kind, callId, durationUs }) => [name, kind, callId, durationUs])).toEqual([
      ["first", "scored", 100, 1_000],
      ["second", "scored", 101, 0],
    ]);
    expect(profiles[0].scorers[0].callId).toBe(102);
    expect(profiles[0].totals[0]).toBe(Math.fround(0.3));
  });

  const absent = [
    {
      title: "throws",
      produce: () => {
        throw new Error("x");
      },
      kind: "failed",
    },
    {
      title: "writes Infinity",
      produce: (_: CycleCall, [a]: readonly Float32Array[]) => void a.fill(-Infinity),
      kind: "failed",
    },
    { title: "writes nothing", produce: () => "no index", kind: "abstained" },
  ];
  for (const { title, produce, kind } of absent) {
    it(`leave their values unknown where one ${title}`, () => {
      const seen: number[] = [];
      const scorer = scorerOf("s", ({ data }) => void seen.push(...data.get("data.a")));
      const waves = [[producerOf("p", ["data.a"], produce)]];
      const record = decide(inputOf(tableOf(2), planOf(profileOf([weighted(scorer)]), { waves })));
      expect(record.producers[0]).toMatchObject({ kind, values: [] });
      expect(seen).toEqual([Number.NaN, Number.NaN]);
    });
  }
});

describe("profiles", () => {
  const named = (name: string, more: Partial<Profile> = {}) => profileOf([], { name, ...more });

  it("run as their handler says, later ones seeing earlier picks, with call ids that count on", () => {
    const seen: { peers: readonly PeerPick[]; callId: number; profile: string }[] = [];
    const spy = weighted(scorerOf("spy", ({ peers, callId, profile }) => void seen.push({ peers, callId, profile })));
    const decode = named("decode", { scorers: [spy], filters: [filterOf("f", (slot) => slot === 1)] });
    const prefill = named("prefill", { scorers: [spy] });
    const handler = handlerOf("decode", ({ picks }) => [decode, prefill][picks.length]);
    const record = decide(inputOf(tableOf(2), planOf(decode, { handler })));
    expect(seen).toEqual([
      { peers: [], callId: 100, profile: "decode" },
      { peers: [{ profile: "decode", slot: 1 }], callId: 101, profile: "prefill" },
    ]);
    expect(record.profiles.map(({ name, picked }) => [name, picked])).toEqual([
      ["decode", [1]],
      ["prefill", [0]],
    ]);
    expect(record.destination).toEqual([1]);
  });

  it("end when their handler asks for one that has run", () => {
    const empty = named("a", { filters: [filterOf("none", () => false)] });
    const record = decide(inputOf(tableOf(1), planOf(empty, { handler: handlerOf("a", () => empty) })));
    expect(record.profiles).toHaveLength(1);
    expect(record.destination).toEqual([]);
  });

  it("tell their handler of those that found nothing", () => {
    const empty = named("prefill", { filters: [filterOf("none", () => false)] });
    const handler = handlerOf("decode", ({ profiles }) => [empty, named("decode")][profiles.length]);
    expect(decide(inputOf(tableOf(1), planOf(empty, { handler }))).destination).toEqual([0]);
  });

  it("wait for their scorers one after the other", async () => {
    const clock = new VirtualClock();
    const slow = weighted(
      scorerOf("slow", async (_, scores) => {
        await clock.wait(1, undefined);
        scores.set([0, 1]);
      }),
    );
    const both = [named("one", { scorers: [slow] }), named("two", { scorers: [slow] })];
    const handler = handlerOf("two", ({ picks }) => both[picks.length]);
    const decision = runCycle(inputOf(tableOf(2), planOf(both[0], { handler }), { clock }));
    await clock.advance(2);
    expect(await decision).toMatchObject({ durationUs: 2_000, destination: [1] });
    expect(clock.armed).toBe(0);
  });
});
