import { describe, expect, it } from "vitest";
import type { CycleCall, Scorer } from "../contract/index.ts";
import { createMaxScorePicker } from "../pickers/max-score-picker.ts";
import { createRandomPicker } from "../pickers/random-picker.ts";
import { filterOf, handlerOf, inputOf, planOf, profileOf, scorerOf, tableOf, weighted } from "./fixtures/plans.ts";
import { VirtualClock } from "./fixtures/virtual-clock.ts";
import { runCycle } from "./run-cycle.ts";
import { type CycleInput, type DecisionRecord, type ScorerOutcome, shadowCallIds } from "./types.ts";

const shadowOf = (scorer: Scorer, budgetMs = 2) => weighted(scorer, 1, budgetMs, { shadow: true });
const slowly = (clock: VirtualClock, delayMs: number, scores: readonly number[]) =>
  scorerOf(`in ${delayMs}`, async (_, written) => {
    await clock.wait(delayMs, undefined);
    written.set(scores);
    return "in the end";
  });

function decide(input: CycleInput): DecisionRecord {
  const record = runCycle(input);
  if (record instanceof Promise) throw new Error("the decision waits");
  return record;
}

describe("a shadow scorer", () => {
  it("is asked and recorded, and counts for nothing", () => {
    const places = [weighted(scorerOf("a", [1, 0])), shadowOf(scorerOf("b", [0, 1]))];
    const { profiles, destination, pendingShadows } = decide(inputOf(tableOf(2), planOf(profileOf(places))));
    expect(destination).toEqual([0]);
    expect([...profiles[0].totals]).toEqual([1, 0]);
    expect(profiles[0].scorers.map(({ name }) => name)).toEqual(["a"]);
    expect(profiles[0].shadows).toMatchObject([
      { name: "b", kind: "scored", scores: Float32Array.of(0, 1), weight: 1 },
    ]);
    expect(pendingShadows).toEqual([]);
  });

  it("leaves a tie to the picker where it is the only one asked", () => {
    const { profiles } = decide(inputOf(tableOf(2), planOf(profileOf([shadowOf(scorerOf("b", [0, 1]))]))));
    expect(profiles[0]).toMatchObject({ scorers: [], totals: Float64Array.of(0, 0), picked: [0] });
  });

  it("is not asked where no candidate is left", () => {
    const filters = [filterOf("none", () => false)];
    const places = [shadowOf(scorerOf("b", () => expect.unreachable()))];
    expect(decide(inputOf(tableOf(2), planOf(profileOf(places, { filters })))).profiles[0].shadows).toEqual([]);
  });

  it("does not make the decision wait for one turn, and is heard of when it is done", async () => {
    const clock = new VirtualClock();
    const heard: [DecisionRecord, string, ScorerOutcome][] = [];
    const places = [weighted(scorerOf("a", [1, 0])), shadowOf(slowly(clock, 1.5, [0, 1]))];
    const onShadow: CycleInput["onShadow"] = (...ended) => void heard.push(ended);
    const record = decide(inputOf(tableOf(2), planOf(profileOf(places)), { clock, onShadow }));
    expect(record).toMatchObject({ durationUs: 0, destination: [0] });
    expect(record.pendingShadows).toEqual(record.profiles[0].shadows);
    expect(record.profiles[0].shadows).toMatchObject([
      { name: "in 1.5", kind: "late", reason: "not done with the decision", scores: new Float32Array(0) },
    ]);
    expect(heard).toEqual([]);
    await clock.advance(10);
    expect(heard).toMatchObject([
      [record, "default", { name: "in 1.5", kind: "scored", scores: Float32Array.of(0, 1), durationUs: 1_500 }],
    ]);
    expect(record.profiles[0].shadows[0].kind).toBe("late");
    expect(clock.armed).toBe(0);
  });

  it("is late for good at its cap, and at the latest when the budget of the decision is spent", async () => {
    const clock = new VirtualClock();
    const heard: unknown[] = [];
    const hang = (name: string) => scorerOf(name, () => new Promise(() => {}));
    const places = [
      shadowOf(hang("capped"), 2),
      shadowOf(hang("uncapped"), 60),
      shadowOf(slowly(clock, 9, [1, 1]), 60),
    ];
    const onShadow = (_: unknown, __: string, { name, kind, durationUs }: ScorerOutcome) =>
      void heard.push([name, kind, durationUs]);
    decide(inputOf(tableOf(2), planOf(profileOf(places)), { clock, onShadow }));
    await clock.advance(20);
    expect(heard).toEqual([
      ["capped", "late", 2_000],
      ["uncapped", "late", 5_000],
      ["in 9", "late", 5_000],
    ]);
  });

  it("is not heard of again where it was done before a decision that waits for others", async () => {
    const clock = new VirtualClock();
    const places = [weighted(slowly(clock, 1.5, [1, 0])), shadowOf(slowly(clock, 1, [0, 1]))];
    const onShadow = () => expect.unreachable();
    const decision = runCycle(inputOf(tableOf(2), planOf(profileOf(places)), { clock, onShadow }));
    await clock.advance(1.5);
    expect(await decision).toMatchObject({ durationUs: 1_500, pendingShadows: [] });
    expect((await decision).profiles[0].shadows).toMatchObject([{ kind: "scored", durationUs: 1_000 }]);
  });

  it("shows nothing of itself to the handler that chooses the next profile", () => {
    const seen: number[] = [];
    const one = profileOf([shadowOf(scorerOf("b", [0, 1]))], { name: "one" });
    const two = profileOf([], { name: "two" });
    const handler = handlerOf("one", ({ profiles }) => {
      seen.push(...profiles.map(({ shadows }) => shadows.length));
      return [one, two][profiles.length];
    });
    expect(decide(inputOf(tableOf(2), planOf(one, { handler }))).profiles[0].shadows).toHaveLength(1);
    expect(seen).toEqual([0, 0, 0]);
  });

  for (const [title, score] of Object.entries({
    throws: () => {
      throw new Error("broken");
    },
    rejects: () => Promise.reject(new Error("broken")),
    hangs: () => new Promise<undefined>(() => {}),
    "is required": () => {
      throw new Error("required");
    },
  })) {
    it(`that ${title} changes nothing`, async () => {
      const clock = new VirtualClock();
      const shadow = weighted(scorerOf("b", score), 1, 2, { shadow: true, onFailure: { kind: "fail_request" } });
      const record = decide(
        inputOf(tableOf(2), planOf(profileOf([weighted(scorerOf("a", [0, 1])), shadow])), { clock }),
      );
      await clock.advance(10);
      expect(record).toMatchObject({ destination: [1], failedBy: "" });
    });
  }

  it("changes no pick, seed or call id of the others, in any profile", () => {
    const run = (withShadow: boolean, seed: number) => {
      const calls: [string, number, number][] = [];
      const spy = (name: string) =>
        scorerOf(name, (call: CycleCall, scores) => {
          calls.push([name, call.callId, call.seed]);
          for (const i of scores.keys()) scores[i] = Math.round(call.random());
        });
      const shadows = withShadow ? [shadowOf(spy("shadow")), shadowOf(spy("shadow too"))] : [];
      const pickers = [createMaxScorePicker("p"), createRandomPicker("p")];
      const profiles = pickers.map((picker, i) =>
        profileOf([...shadows, weighted(spy(`a${i}`)), weighted(spy(`b${i}`))], { name: `p${i}`, picker }),
      );
      const handler = handlerOf("p1", (view) => profiles[view.profiles.length]);
      const { profiles: ran } = decide(inputOf(tableOf(4), planOf(profiles[0], { handler }), { seed }));
      return { calls, picks: ran.map(({ picked }) => picked) };
    };
    for (let seed = 0; seed < 50; seed++) {
      const [without, with_] = [run(false, seed), run(true, seed)];
      expect(with_.picks).toEqual(without.picks);
      expect(with_.calls.filter(([name]) => !name.startsWith("shadow"))).toEqual(without.calls);
      const own = with_.calls.filter(([name]) => name.startsWith("shadow"));
      expect(own.map(([, callId]) => callId - 100)).toEqual([0, 1, 2, 3].map((i) => shadowCallIds + i));
      expect(new Set(with_.calls.map(([, , seedOfCall]) => seedOfCall)).size).toBe(8);
    }
  });
});
