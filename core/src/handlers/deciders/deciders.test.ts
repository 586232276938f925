import { describe, expect, it } from "vitest";
import { producerOf } from "../../cycle/fixtures/plans.ts";
import type { CycleFacts } from "../../cycle/types.ts";
import { createDisaggProfileHandler } from "../disagg-profile-handler.ts";
import { decide, profileAt } from "../fixtures/decide.ts";
import { createAlwaysDisaggMultimodalDecider } from "./always-disagg-multimodal-decider.ts";
import { createAlwaysDisaggPdDecider } from "./always-disagg-pd-decider.ts";
import { createPrefixBasedPdDecider } from "./prefix-based-pd-decider.ts";

const decode = profileAt("decode", 0, 1);
const prefill = profileAt("prefill", 2, 3);

describe("prefix-based-pd-decider", () => {
  const cases = [
    { title: "where nothing is said", options: {}, promptTokens: 9_999, matched: [0], want: false },
    {
      title: "where as much is not cached as it takes",
      options: { nonCachedTokens: 40 },
      promptTokens: 116,
      matched: [1],
      want: true,
    },
    {
      title: "where more is not cached",
      options: { nonCachedTokens: 16 },
      promptTokens: 116,
      matched: [1],
      want: true,
    },
    {
      title: "where less is not cached",
      options: { nonCachedTokens: 53 },
      promptTokens: 116,
      matched: [1],
      want: false,
    },
    {
      title: "for prompts shorter than what must not be cached",
      options: { nonCachedTokens: 101 },
      promptTokens: 100,
      matched: [0],
      want: false,
    },
    {
      title: "for prompts below their limit",
      options: { nonCachedTokens: 1, promptTokens: 101 },
      promptTokens: 100,
      matched: [0],
      want: false,
    },
    {
      title: "for prompts at their limit",
      options: { nonCachedTokens: 1, promptTokens: 100 },
      promptTokens: 100,
      matched: [0],
      want: true,
    },
    {
      title: "where nothing is known of the cache",
      options: { nonCachedTokens: 100 },
      promptTokens: 100,
      matched: [Number.NaN],
      want: true,
    },
    {
      title: "where nobody tells what is cached",
      options: { nonCachedTokens: 100 },
      promptTokens: 100,
      matched: undefined,
      want: true,
    },
    {
      title: "where all is cached",
      options: { nonCachedTokens: 1 },
      promptTokens: 128,
      matched: [2],
      want: false,
    },
  ];
  for (const { title, options, promptTokens, matched, want } of cases) {
    it(
      `wants a prefill endpoint ${title}`.replace("wants a prefill endpoint never", "never wants a prefill endpoint"),
      () => {
        const decider = createPrefixBasedPdDecider("d", { nonCachedTokens: 0, promptTokens: 0, ...options });
        const handler = createDisaggProfileHandler("h", {
          type: "disagg-profile-handler",
          stageOrder: "decode-first",
          decode,
          prefill,
          encode: undefined,
          prefillDecider: decider,
          encodeDecider: undefined,
          primaryPort: 0,
        });
        const total = [Math.floor(promptTokens / 64)];
        const producers = [
          producerOf("data.prefix_match_blocks", (_, values) => values.set(matched ?? [])),
          producerOf("data.prefix_total_blocks", (_, values) => values.set(total)),
        ];
        const waves = matched === undefined ? [] : [producers];
        const record = decide(handler, { facts: { promptTokens }, plan: { waves } });
        expect(record.profiles).toHaveLength(want ? 2 : 1);
      },
    );
  }
});

describe("deciders that ask nothing of the endpoint", () => {
  const view = (facts: Partial<CycleFacts>) => ({ facts }) as never;

  it("always want prefill, or encode for prompts with parts that are no text", () => {
    expect(createAlwaysDisaggPdDecider("d").decide(view({}), 0)).toBe(true);
    const multimodal = createAlwaysDisaggMultimodalDecider("d");
    expect(
      [true, false, undefined].map((known) =>
        multimodal.decide(view({ ...(known === undefined ? {} : { multimodal: known }) }), 0),
      ),
    ).toEqual([true, false, false]);
  });
});
