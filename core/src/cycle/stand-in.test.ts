import { describe, expect, it } from "vitest";
import type { CycleCall, Scorer } from "../contract/index.ts";
import { OutriderError } from "../contract/index.ts";
import { handlerOf, inputOf, planOf, profileOf, scorerOf, tableOf, weighted } from "./fixtures/plans.ts";
import { VirtualClock } from "./fixtures/virtual-clock.ts";
import { createLastScores } from "./last-scores.ts";
import { runCycle } from "./run-cycle.ts";
import type { CycleInput, DecisionRecord, FailurePolicy, WeightedScorer } from "./types.ts";

const never = () => new Promise<undefined>(() => {});
const missing: Readonly<Record<string, Scorer["score"]>> = {
  late: never,
  failed: () => {
    throw new Error("broken");
  },
  shed: () => {
    throw new OutriderError("SCORER_SHED", "busy");
  },
};
const neutral: FailurePolicy = { kind: "neutral" };
const required: FailurePolicy = { kind: "fail_request" };
const inline = (scorer: Scorer): FailurePolicy => ({ kind: "inline", scorer });
const second = scorerOf("second", [0, 1]);

async function decide(scorers: readonly WeightedScorer[], more: Partial<CycleInput> = {}): Promise<DecisionRecord> {
  const clock = new VirtualClock();
  const decision = runCycle(inputOf(tableOf(2), planOf(profileOf(scorers)), { clock, ...more }));
  await clock.advance(5);
  return decision;
}

const outcomeOf = async (score: Scorer["score"], onFailure: FailurePolicy) => {
  const { profiles, destination } = await decide([weighted(scorerOf("s", score), 1, 2, { onFailure })]);
  const [{ kind, fallback, scores }] = profiles[0].scorers;
  return { kind, fallback, scores: [...scores], destination };
};

describe("a missing answer", () => {
  for (const [kind, score] of Object.entries(missing)) {
    const cases = [
      { policy: "abstain", onFailure: { kind: "abstain" } as const, fallback: undefined, scores: [], pick: 0 },
      { policy: "neutral", onFailure: neutral, fallback: "neutral", scores: [0.5, 0.5], pick: 0 },
      { policy: "inline", onFailure: inline(second), fallback: "inline", scores: [0, 1], pick: 1 },
    ];
    for (const { policy, onFailure, fallback, scores, pick } of cases) {
      it(`that is ${kind} counts as ${policy} says, and is still ${kind}`, async () => {
        expect(await outcomeOf(score, onFailure)).toEqual({ kind, fallback, scores, destination: [pick] });
      });
    }

    it(`that is ${kind} refuses the request where that is asked for`, async () => {
      const broken = weighted(scorerOf("s", score), 1, 2, { onFailure: required });
      const other = weighted(scorerOf("t", score), 1, 2, { onFailure: required });
      const record = await decide([weighted(second), broken, other]);
      expect(record).toMatchObject({ failedBy: "s", destination: [], profiles: [{ picked: [], vetoes: "none" }] });
      expect(record.profiles[0].scorers.map(({ name }) => name)).toEqual(["second", "s", "t"]);
    });
  }

  it("weighs as much as the answer would have", async () => {
    const late = weighted(scorerOf("s", never), 3, 2, { onFailure: inline(second) });
    const { totals } = (await decide([late, weighted(scorerOf("t", [1, 0]), 1)])).profiles[0];
    expect([...totals]).toEqual([1, 3]);
  });

  it("ends a decision of several profiles at the one that needed it", async () => {
    const clock = new VirtualClock();
    const one = profileOf([weighted(second)], { name: "decode" });
    const two = profileOf([weighted(scorerOf("s", missing.failed), 1, 2, { onFailure: required })], {
      name: "prefill",
    });
    const three = profileOf([], { name: "never run" });
    const handler = handlerOf("decode", ({ profiles }) => [one, two, three][profiles.length]);
    const record = await runCycle(inputOf(tableOf(2), planOf(one, { handler }), { clock }));
    expect(record).toMatchObject({ failedBy: "s", destination: [] });
    expect(record.profiles.map(({ name, picked }) => [name, picked])).toEqual([
      ["decode", [1]],
      ["prefill", []],
    ]);
  });
});

describe("an abstention", () => {
  for (const onFailure of [neutral, required, inline(second)]) {
    it(`is an answer, so that ${onFailure.kind} does nothing`, async () => {
      const want = { kind: "abstained", fallback: undefined, scores: [], destination: [0] };
      expect(await outcomeOf(() => "no opinion", onFailure)).toEqual(want);
    });
  }
});

describe("what a scorer said last", () => {
  const score = (say: () => readonly number[] | undefined) =>
    scorerOf("s", (_, scores) => {
      const said = say();
      if (said === undefined) throw new Error("broken");
      scores.set(said);
    });

  it("stands in while it is not too old, and is not renewed by that", async () => {
    let said: readonly number[] | undefined = [0.25, 0.75];
    const onFailure: FailurePolicy = { kind: "last_known", last: createLastScores(1_000) };
    const places = [
      weighted(
        score(() => said),
        1,
        2,
        { onFailure },
      ),
    ];
    const table = tableOf(2);
    const at = async (nowMs: number) => {
      const clock = new VirtualClock(nowMs);
      const [{ kind, fallback, scores }] = (await runCycle(inputOf(table, planOf(profileOf(places)), { clock })))
        .profiles[0].scorers;
      return [kind, fallback, ...scores];
    };
    expect(await at(5_000)).toEqual(["scored", undefined, 0.25, 0.75]);
    said = undefined;
    expect(await at(5_900)).toEqual(["failed", "last_known", 0.25, 0.75]);
    expect(await at(6_000)).toEqual(["failed", "last_known", 0.25, 0.75]);
    expect(await at(6_001)).toEqual(["failed", undefined]);
  });

  it("is not taken from a rehearsal", async () => {
    const onFailure: FailurePolicy = { kind: "last_known", last: createLastScores(1_000) };
    let said: readonly number[] | undefined = [0.25, 0.75];
    const places = [
      weighted(
        score(() => said),
        1,
        2,
        { onFailure },
      ),
    ];
    await decide(places, { isRehearsal: true });
    said = undefined;
    expect((await decide(places)).profiles[0].scorers[0]).toMatchObject({ kind: "failed", fallback: undefined });
  });

  it("is not said by another endpoint that has taken the slot since", async () => {
    const onFailure: FailurePolicy = { kind: "last_known", last: createLastScores(1_000) };
    let said: readonly number[] | undefined = [0.25, 0.75];
    const plan = planOf(
      profileOf([
        weighted(
          score(() => said),
          1,
          2,
          { onFailure },
        ),
      ]),
    );
    const table = tableOf(2);
    await runCycle(inputOf(table, plan));
    table.remove("e1");
    for (let rev = 0; rev < 20; rev++) {
      table.setValue(0, "waiting_requests", rev, 900_000);
      table.publish(1_000_000);
    }
    table.setReady(table.upsert({ id: "new", address: "10.0.0.2:1", labels: {} }), true);
    table.publish(1_000_000);
    said = undefined;
    const input = inputOf(table, plan);
    expect(input.snapshot.at(1)?.id).toBe("new");
    expect([...(await runCycle(input)).profiles[0].scorers[0].scores]).toEqual([0.25, Number.NaN]);
  });
});

describe("a scorer that stands in", () => {
  const useless: Readonly<Record<string, Scorer["score"]>> = {
    "answers later": (_, scores) => {
      scores.fill(1);
      return Promise.resolve(undefined);
    },
    "fails later": () => Promise.reject(new Error("broken")),
    throws: () => {
      throw new Error("broken");
    },
    "gives Infinity": (_, scores) => void scores.fill(Number.POSITIVE_INFINITY),
    "has no opinion": () => "none",
  };
  for (const [title, score] of Object.entries(useless)) {
    it(`counts for nothing where it ${title}`, async () => {
      const want = { kind: "late", fallback: undefined, scores: [], destination: [0] };
      expect(await outcomeOf(never, inline(scorerOf("second", score)))).toEqual(want);
    });
  }

  it("is asked the same question only when the first has brought nothing, and no veto of its counts", async () => {
    const calls: CycleCall[] = [];
    const spy: Scorer = {
      ...scorerOf("spy", (call, scores) => {
        calls.push(call);
        call.veto(0);
        scores.set([3, 0.5]);
      }),
      mayVeto: true,
    };
    await decide([weighted(scorerOf("s", [1, 0]), 1, 2, { onFailure: inline(spy) })]);
    expect(calls).toHaveLength(0);
    const asked: CycleCall[] = [];
    const first = scorerOf("s", (call) => {
      asked.push(call);
      return never();
    });
    const record = await decide([weighted(first, 1, 2, { onFailure: inline(spy) })]);
    const shared = ({ callId, seed, profile, nowMs, candidates }: CycleCall) => [
      ...[callId, seed, profile, nowMs],
      ...candidates,
    ];
    expect(shared(calls[0])).toEqual(shared(asked[0]));
    expect(calls[0].budgetUs).toBe(0);
    expect(record.profiles[0]).toMatchObject({
      vetoes: "none",
      scorers: [{ kind: "late", fallback: "inline", scores: Float32Array.of(1, 0.5), clamped: 1, vetoed: [] }],
    });
  });

  it("does not make the decision wait: it ends at the bell", async () => {
    const { durationUs } = await decide([weighted(scorerOf("s", never), 1, 2, { onFailure: inline(second) })]);
    expect(durationUs).toBe(2_000);
  });
});
