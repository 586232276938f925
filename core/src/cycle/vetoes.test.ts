import { describe, expect, it } from "vitest";
import type { CycleCall, Reason, Scorer } from "../contract/index.ts";
import { inputOf, planOf, profileOf, scorerOf, tableOf, weighted } from "./fixtures/plans.ts";
import { VirtualClock } from "./fixtures/virtual-clock.ts";
import { runCycle } from "./run-cycle.ts";
import type { DecisionRecord, PickInput } from "./types.ts";
import { vetoedOf } from "./vetoes.ts";

function vetoer(
  name: string,
  positions: readonly number[],
  answer: (call: CycleCall, scores: Float32Array) => Reason | Promise<Reason> = (_, scores) => void scores.fill(1),
): Scorer {
  const score: Scorer["score"] = (call, scores) => {
    for (const position of positions) call.veto(position);
    return answer(call, scores);
  };
  return { ...scorerOf(name, score), mayVeto: true };
}

const eager = weighted(scorerOf("eager", [1, 0.5, 0.25]));

async function decide(scorers: readonly Scorer[], shadow = false): Promise<DecisionRecord> {
  const clock = new VirtualClock();
  const places = [eager, ...scorers.map((scorer) => weighted(scorer, 1, 2, { shadow }))];
  const decision = runCycle(inputOf(tableOf(3), planOf(profileOf(places)), { clock }));
  await clock.advance(5);
  return decision;
}

describe("a veto", () => {
  it("keeps its candidate from the picker, whatever its total", async () => {
    const { profiles, destination } = await decide([vetoer("v", [0])]);
    expect(destination).toEqual([1]);
    expect(profiles[0]).toMatchObject({ vetoes: "applied", scorers: [{ vetoed: [] }, { vetoed: [0] }] });
    expect([...profiles[0].candidates]).toEqual([0, 1, 2]);
    expect([...profiles[0].totals]).toEqual([2, 1.5, 1.25]);
    expect([...vetoedOf(profiles[0])]).toEqual([0]);
  });

  it("is added to those of others, and leaves each candidate its total", async () => {
    const seen: PickInput[] = [];
    const picker = {
      name: "p",
      type: "test",
      pick: (input: PickInput) => {
        seen.push(input);
        return [input.candidates[0]];
      },
    };
    const places = [eager, weighted(vetoer("v", [2])), weighted(vetoer("w", [0, 2]))];
    const candidates = Uint32Array.of(1, 2, 4);
    void runCycle(inputOf(tableOf(5), planOf(profileOf(places, { picker })), { candidates }));
    expect(seen.map((input) => [[...input.candidates], [...input.totals]])).toEqual([[[2], [2.5]]]);
  });

  it("counts also of a scorer that has no opinion else", async () => {
    const { destination, profiles } = await decide([vetoer("v", [0], () => "only that")]);
    expect(profiles[0].scorers[1].kind).toBe("abstained");
    expect(destination).toEqual([1]);
  });

  const ignored = [
    { title: "one scorer vetoes all", vetoers: [vetoer("v", [0, 1, 2])] },
    { title: "several together veto all", vetoers: [vetoer("v", [0, 1]), vetoer("w", [2])] },
  ];
  for (const { title, vetoers } of ignored) {
    it(`is ignored, and that recorded, where ${title}`, async () => {
      const { profiles, destination } = await decide(vetoers);
      expect(destination).toEqual([0]);
      expect(profiles[0].vetoes).toBe("ignored");
      expect(vetoedOf(profiles[0]).size).toBe(0);
      expect(profiles[0].scorers[1].vetoed).not.toEqual([]);
    });
  }

  const powerless: { title: string; scorer: Scorer }[] = [
    { title: "who may not", scorer: { ...vetoer("v", [0]), mayVeto: false } },
    { title: "who is late", scorer: vetoer("v", [0], () => new Promise(() => {})) },
    {
      title: "who fails",
      scorer: vetoer("v", [0], () => {
        throw new Error("broken");
      }),
    },
    { title: "whose scores are invalid", scorer: vetoer("v", [0], (_, scores) => void scores.fill(1 / 0)) },
    { title: "of no candidate", scorer: vetoer("v", [3, -1, 0.5, Number.NaN, 1e9]) },
  ];
  for (const { title, scorer } of powerless) {
    it(`of one ${title} counts for nothing`, async () => {
      const { profiles, destination } = await decide([scorer]);
      expect(destination).toEqual([0]);
      expect(profiles[0]).toMatchObject({ vetoes: "none", scorers: [{ vetoed: [] }, { vetoed: [] }] });
    });
  }

  it("of a shadow scorer is only recorded", async () => {
    const { profiles, destination } = await decide([vetoer("v", [0])], true);
    expect(destination).toEqual([0]);
    expect(profiles[0]).toMatchObject({ vetoes: "none", shadows: [{ name: "v", vetoed: [0] }] });
  });
});
