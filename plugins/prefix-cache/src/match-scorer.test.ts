import { childProcess, fakeCall, local, loopback, scorerContract } from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { prefixCacheScorer } from "./match-scorer.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const unknown = Number.NaN;
const matchOf = (matched: readonly number[], total: number) => ({
  "data.prefix_match_blocks": matched,
  "data.prefix_total_blocks": matched.map(() => total),
});

const cases = [
  { title: "scores the share of the prompt", data: matchOf([0, 5, 10], 10), want: [0, 0.5, 1] },
  {
    title: "counts a long match by its square",
    parameters: { matchLengthWeight: 0.5, matchLengthScaleTokens: 1_000 },
    data: matchOf([5, 10], 10),
    promptTokens: 1_000,
    want: [0.25 + 0.5 * 0.25, 1],
  },
  {
    title: "counts no match beyond the scale",
    parameters: { matchLengthWeight: 1, matchLengthScaleTokens: 100 },
    data: matchOf([1, 10], 10),
    promptTokens: 10_000,
    want: [1, 1],
  },
  { title: "abstains where a match is unknown", data: matchOf([unknown, 2], 4), want: [unknown, 0.5] },
  { title: "abstains where nothing was produced", data: {}, want: [unknown, unknown] },
  { title: "abstains for a prompt without a block", data: matchOf([0, 0], 0), want: [unknown, unknown] },
  { title: "takes no more than the whole prompt for matched", data: matchOf([12], 10), want: [1] },
];

for (const [where, open] of Object.entries(placements)) {
  describe(`prefix-cache-scorer, ${where}`, () => {
    for (const { title, run } of scorerContract) {
      it(`keeps the scorer contract: ${title}`, async () => run(await open(prefixCacheScorer)), 20_000);
    }
  });
}

for (const [where, open] of Object.entries({ local, loopback })) {
  describe(`the formula of prefix-cache-scorer, ${where}`, () => {
    for (const { title, parameters, data, promptTokens = 0, want } of cases) {
      it(title, async () => {
        const scorer = await open(prefixCacheScorer, parameters);
        const call = fakeCall({ pool: want.map(() => ({})), data, request: { promptTokens } });
        expect([...(await scorer.score(call))]).toEqual([...Float32Array.from(want)]);
        await scorer.close();
      });
    }
  });
}
