import { describe, expect, it } from "vitest";
import { nearest } from "./nearest.ts";

const types = ["queue-scorer", "prefix-cache", "session-affinity", "max-score-picker", "random-picker"];

describe("nearest", () => {
  const cases: readonly [string, string | undefined][] = [
    ["queue-socrer", "queue-scorer"],
    ["queueScorer", "queue-scorer"],
    ["prefix_cache", "prefix-cache"],
    ["prefix-cach", "prefix-cache"],
    ["Random-Picker", "random-picker"],
    ["my-scorer", undefined],
    ["", undefined],
    ["x".repeat(100_000), undefined],
  ];
  for (const [word, want] of cases) {
    it(`takes "${word.slice(0, 20)}" for ${want}`, () => expect(nearest(word, types)).toBe(want));
  }
});
