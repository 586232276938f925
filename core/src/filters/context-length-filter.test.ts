import { describe, expect, it } from "vitest";
import { createContextLengthFilter } from "./context-length-filter.ts";
import { callAbout } from "./fixtures/calls.ts";

const label = "llm-d.ai/context-length-range";
const ranges = ["0-1000", "1001-8000", "8000-100", "lots", "", undefined];
const endpoints = ranges.map((range) => ({ labels: range === undefined ? {} : { [label]: range } }));
const unlabelled = [4, 5];

describe("the context length filter", () => {
  const cases = [
    { title: "keeps who is meant for the length, and who says nothing", promptTokens: 1_000, want: [0, ...unlabelled] },
    { title: "counts both ends of a range in", promptTokens: 1_001, want: [1, ...unlabelled] },
    {
      title: "drops who is meant for shorter prompts, or says what is no range",
      promptTokens: 9_000,
      want: unlabelled,
    },
    { title: "keeps all where the length is unknown", promptTokens: 0, want: [0, 1, 2, 3, ...unlabelled] },
  ];
  for (const { title, promptTokens, want } of cases) {
    it(title, () => {
      const filter = createContextLengthFilter("f", { label });
      expect([...filter.filter(callAbout(endpoints, { facts: { promptTokens } }))]).toEqual(want);
    });
  }

  it("may leave nothing", () => {
    const filter = createContextLengthFilter("f", { label });
    const call = callAbout(endpoints.slice(0, 2), { facts: { promptTokens: 9_000 } });
    expect([...filter.filter(call)]).toEqual([]);
  });

  it("goes by another label where it is told to", () => {
    const filter = createContextLengthFilter("f", { label: "len" });
    const pool = [{ labels: { len: "1-2" } }, { labels: { [label]: "1-2" } }];
    expect([...filter.filter(callAbout(pool, { facts: { promptTokens: 9 } }))]).toEqual([1]);
  });
});
