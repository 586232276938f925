import { describe, expect, it } from "vitest";
import { parametersOf, typeOf } from "./fixtures/types.ts";

describe("what is said of a handler", () => {
  const cases: readonly { type: string; parameters?: unknown; profiles: string[]; want: string }[] = [
    { type: "single-profile-handler", profiles: ["a"], want: "runs profile a" },
    {
      type: "data-parallel-profile-handler",
      profiles: ["a"],
      want: "runs profile a, sends to port 8000 and names the rank in a header",
    },
    { type: "disagg-profile-handler", profiles: ["decode", "x"], want: "runs decode, and sends where decode picks" },
    {
      type: "disagg-profile-handler",
      parameters: { deciders: { prefill: "p", encode: "e" } },
      profiles: ["prefill", "decode", "encode"],
      want: "runs decode, then encode where e wants it, then prefill where p wants it, and sends where decode picks",
    },
    {
      type: "disagg-profile-handler",
      parameters: { stageOrder: "prefill-first" },
      profiles: ["prefill", "decode"],
      want: "runs prefill, then decode, and sends where decode picks",
    },
    {
      type: "pd-profile-handler",
      parameters: { primaryPort: 8_000 },
      profiles: ["prefill", "decode"],
      want: "runs decode, then prefill where prefix-based-pd-decider wants it, and sends where decode picks on port 8000",
    },
    { type: "header-profile-handler", profiles: ["a"], want: "runs profile a, whatever headers say" },
    {
      type: "header-profile-handler",
      profiles: ["a", "decode"],
      want: "runs the profile that header EPP-Profile names, and without it decode",
    },
    {
      type: "header-profile-handler",
      profiles: ["a", "b"],
      want: "runs the profile that header EPP-Profile names, and without it refuses requests",
    },
    {
      type: "profile-rules",
      parameters: {
        rules: [
          { profile: "b", when: { models: ["m", "n"], promptTokens: { min: 100 } } },
          { profile: "c", when: { objectives: ["o"], priority: { max: -1 } } },
          { profile: "b", when: { priority: { min: 1, max: 3 }, header: { name: "x-a" } } },
          { profile: "c", when: { priority: { min: 1, max: 1 }, header: { name: "x-a", values: ["1", "2"] } } },
        ],
        default: "a",
      },
      profiles: ["a", "b", "c"],
      want:
        "runs b where the model is m or n and the prompt has at least 100 tokens, " +
        "else c where the objective is o and the priority is at most -1, " +
        "else b where the priority is 1 to 3 and header x-a is there, " +
        "else c where the priority is 1 and header x-a is 1 or 2, else a",
    },
    { type: "prefix-based-pd-decider", profiles: [], want: "never wants a prefill endpoint: nonCachedTokens is 0" },
    {
      type: "prefix-based-pd-decider",
      parameters: { nonCachedTokens: 16, promptTokens: 100 },
      profiles: [],
      want: "wants a prefill endpoint where 16 tokens or more are not in the decode endpoint's cache, for prompts of at least 100",
    },
  ];
  for (const { type, parameters = {}, profiles, want } of cases) {
    it(`is "${want}"`, () => {
      expect(typeOf(type).explain?.(parametersOf(type, parameters), profiles)).toBe(want);
    });
  }
});
