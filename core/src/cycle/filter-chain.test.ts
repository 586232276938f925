import { describe, expect, it } from "vitest";
import { CandidateSet } from "./candidate-set.ts";
import { type AskFilter, runFilters } from "./filter-chain.ts";
import { filterOf } from "./fixtures/plans.ts";
import type { OnEmpty } from "./types.ts";

const slots = Uint32Array.of(0, 1, 2, 3);
const keep = (text: string, onEmpty: OnEmpty = "fail") => {
  const kept = [...text].map(Number);
  return filterOf(`${onEmpty} ${text}`, (slot) => kept.includes(slot), onEmpty);
};
const ask: AskFilter = (filter, _, { slots: candidates }) => filter.filter({ candidates } as never);
const all = () => new CandidateSet(slots, slots, new Map());

const cases = [
  {
    title: "leaves what the last one left",
    filters: [keep("123"), keep("13"), keep("01", "ignore_last")],
    steps: ["applied 123", "applied 13", "applied 1"],
  },
  { title: "keeps all where there is none", filters: [], steps: [] },
  {
    title: "ends at one that leaves nothing and fails",
    filters: [keep("01"), keep("23"), keep("0")],
    steps: ["applied 01", "applied "],
  },
  {
    title: "passes over one that leaves nothing and is ignored",
    filters: [keep("01"), keep("23", "ignore_last"), keep("1")],
    steps: ["applied 01", "ignored 01", "applied 1"],
  },
  {
    title: "sets aside the nearest that relaxes as well",
    filters: [keep("01", "relax"), keep("12", "relax"), keep("023", "relax")],
    steps: ["applied 01", "applied 1", "relaxed 0 without relax 12"],
  },
  {
    title: "sets aside as many as it takes",
    filters: [keep("01", "relax"), keep("0", "relax"), keep("23", "relax"), keep("2")],
    steps: ["applied 01", "applied 0", "relaxed 23 without relax 0, relax 01", "applied 2"],
  },
  {
    title: "does not set aside what fails or is ignored",
    filters: [keep("012", "relax"), keep("02"), keep("2", "ignore_last"), keep("13", "relax"), keep("2")],
    steps: ["applied 012", "applied 02", "applied 2", "ignored 2", "applied 2"],
  },
  {
    title: "runs those in between once more on what is there without the others",
    filters: [keep("01", "relax"), keep("13"), keep("3", "relax")],
    steps: ["applied 01", "applied 1", "relaxed 3 without relax 01"],
  },
  {
    title: "ignores one that relaxes where nothing helps",
    filters: [keep("01", "relax"), keep("", "relax"), keep("1")],
    steps: ["applied 01", "ignored 01", "applied 1"],
  },
  {
    title: "ignores a first one that relaxes and leaves nothing",
    filters: [keep("", "relax"), keep("1")],
    steps: ["ignored 0123", "applied 1"],
  },
  {
    title: "leaves set aside what was, and ignored what was",
    filters: [keep("1", "relax"), keep("0", "relax"), keep("", "ignore_last"), keep("23", "relax"), keep("3", "relax")],
    steps: ["applied 1", "relaxed 0 without relax 1", "ignored 0", "relaxed 23 without relax 0", "applied 3"],
  },
];

describe("a chain of filters", () => {
  for (const { title, filters, steps } of cases) {
    it(title, () => {
      const run = runFilters(filters, all(), ask);
      const texts = run.steps.map(
        ({ kept, outcome, setAside }) =>
          `${outcome} ${[...kept].join("")}${setAside === undefined ? "" : ` without ${setAside.join(", ")}`}`,
      );
      expect(texts).toEqual(steps);
      expect([...run.candidates.slots]).toEqual([...(run.steps.at(-1)?.kept ?? slots)]);
    });
  }

  it("asks a filter with the same place each time, on whatever is left", () => {
    const asked: string[] = [];
    const spy: AskFilter = (filter, place, candidates) => {
      asked.push(`${place}: ${[...candidates.slots].join("")}`);
      return ask(filter, place, candidates);
    };
    runFilters([keep("01", "relax"), keep("13"), keep("3", "relax")], all(), spy);
    expect(asked).toEqual(["0: 0123", "1: 01", "2: 1", "1: 0123", "2: 13"]);
  });
});
