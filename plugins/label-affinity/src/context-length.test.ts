import { childProcess, fakeCall, local, loopback, scorerContract } from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { contextLengthAware } from "./context-length.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const unknown = Number.NaN;

for (const [where, open] of Object.entries(placements)) {
  describe(`context-length-aware, ${where}, keeps the scorer contract`, () => {
    for (const { title, run } of scorerContract) it(title, async () => run(await open(contextLengthAware)), 20_000);
  });
}

const labelled = (...ranges: (string | undefined)[]) =>
  ranges.map((range) => ({
    labels: range === undefined ? {} : ({ "llm-d.ai/context-length-range": range } as Record<string, string>),
  }));

const cases = [
  { title: "rates a narrow range above a wide one", ranges: ["0-10000", "0-40000"], tokens: 5_000, order: [0, 1] },
  { title: "rates room above the prompt", ranges: ["0-1000", "500-1500"], tokens: 900, order: [1, 0] },
  { title: "rates what is near above what is far", ranges: ["0-100", "0-900"], tokens: 1_000, order: [1, 0] },
];

describe("context-length-aware", () => {
  for (const { title, ranges, tokens, order } of cases) {
    it(title, async () => {
      const [first, second] = order.map((i) => i) as [number, number];
      const scores = await scoresOf(labelled(...ranges), tokens);
      expect(scores[first]).toBeGreaterThan(scores[second]!);
    });
  }

  const exact = [
    { title: "both ends belong to the range", range: "10-20", tokens: 20, want: 0.3 + (0.7 * 0.7) / (1 + 10 / 10_000) },
    { title: "a range of one length is met or not", range: "20-20", tokens: 20, want: 1 },
    { title: "outside it falls with the distance", range: "0-1000", tokens: 2_000, want: 0.15 },
    { title: "below it too", range: "2000-3000", tokens: 1_000, want: 0.15 },
    { title: "no label is neutral", range: undefined, tokens: 5, want: 0.5 },
    { title: "an empty label is none", range: "", tokens: 5, want: 0.5 },
    { title: "a label that is no range is rated 0", range: "many", tokens: 5, want: 0 },
    { title: "a range upside down is none", range: "20-10", tokens: 15, want: 0 },
    { title: "the length of the prompt is not known", range: "0-10", tokens: 0, want: unknown },
  ];
  for (const { title, range, tokens, want } of exact) {
    it(title, async () => expect(await scoresOf(labelled(range), tokens)).toEqual([Math.fround(want)]));
  }

  it("reads a label anew when it changes", async () => {
    const scorer = await local(contextLengthAware);
    const ask = (range: string) =>
      scorer.score(fakeCall({ pool: labelled(range), request: { promptTokens: 15 } })).then(([score]) => score);
    expect([await ask("15-15"), await ask("oops"), await ask("15-15")]).toEqual([1, 0, 1]);
    await scorer.close();
  });

  it("goes by another label where it is told to", async () => {
    const scorer = await local(contextLengthAware, { label: "len" });
    const call = fakeCall({ pool: [{ labels: { len: "7-7" } }], request: { promptTokens: 7 } });
    expect([...(await scorer.score(call))]).toEqual([1]);
    await scorer.close();
  });
});

async function scoresOf(pool: ReturnType<typeof labelled>, promptTokens: number): Promise<number[]> {
  const scorer = await loopback(contextLengthAware);
  const scores = [...(await scorer.score(fakeCall({ pool, request: { promptTokens } })))];
  await scorer.close();
  return scores;
}
