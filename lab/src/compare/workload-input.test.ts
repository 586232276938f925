import { describe, expect, it } from "vitest";
import { shortNames } from "./input.ts";
import { atRate, filesOf, moveWorkload } from "./workload-input.ts";

const arrivals = { kind: "poisson", rate: 3, for: "5s" };

describe("a workload at another rate", () => {
  const wrong = [
    { title: "stages", value: { kind: "unique", arrivals: { kind: "poisson", stages: [] } }, message: /have stages/ },
    { title: "no arrivals", value: { kind: "unique" }, message: /need a workload with arrivals/ },
    { title: "a part with its own", value: { arrivals, parts: [{ kind: "chat", arrivals }] }, message: /has its own/ },
    { title: "a recorded part", value: { arrivals, parts: [{ kind: "trace", file: "a" }] }, message: /has its own/ },
  ];
  for (const { title, value, message } of wrong) {
    it(`is refused for ${title}`, () => expect(() => atRate(value, 5, 1)).toThrow(message));
  }

  it("keeps all but the rate", () => {
    const value = { kind: "unique", promptTokens: 5, arrivals };
    expect(atRate(value, 7, 1)).toEqual({ ...value, arrivals: { ...arrivals, rate: 7 } });
  });

  it("plays a recorded one faster or slower", () => {
    expect(atRate({ kind: "trace", file: "a", speed: 9 }, 6, 3)).toEqual({ kind: "trace", file: "a", speed: 2 });
  });
});

describe("a workload for a scenario of another folder", () => {
  it("names its files from there", () => {
    const parts = [{ kind: "trace", file: "t/a.jsonl" }, { kind: "unique" }];
    const moved = moveWorkload({ name: "w", value: { parts }, folder: "/x/y", text: undefined }, "/x/z");
    expect(filesOf(moved)).toEqual(["../y/t/a.jsonl"]);
  });
});

describe("names of policies", () => {
  const cases = [
    { title: "are their files' without ending", paths: ["p/a.yaml", "q/b.yml"], want: ["a", "b"] },
    { title: "have a folder where files are called alike", paths: ["p/a.yaml", "q/a.yaml"], want: ["p/a", "q/a"] },
    { title: "are numbered for one file given twice", paths: ["p/a.yaml", "p/a.yaml"], want: ["a", "a#2"] },
  ];
  for (const { title, paths, want } of cases) it(title, () => expect(shortNames(paths)).toEqual(want));
});
