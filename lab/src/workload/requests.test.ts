import { describe, expect, it } from "vitest";
import type { z } from "zod";
import type { LabRequest } from "../contract/index.ts";
import { chatPart } from "./chat.ts";
import type { Part } from "./part.ts";
import { sharedPrefixPart } from "./shared-prefix.ts";
import { uniquePart } from "./unique.ts";

/** The first requests of a part. */
function requestsOf(schema: z.ZodType<Part>, spec: object, count: number, seed = 1): readonly LabRequest[] {
  const part = schema.parse(spec);
  if (part.kind !== "made") throw new Error("the part is recorded");
  const next = part.open({ name: "part", seed, space: 99, folder: "/", shownFolder: "" });
  return Array.from({ length: count }, next);
}

/** Leading keys that two requests share. */
function sharedKeys(a: LabRequest, b: LabRequest): number {
  const end = a.blockKeys.findIndex((key, i) => key !== b.blockKeys[i]);
  return end === -1 ? a.blockKeys.length : end;
}

const shape = { systemTokens: 2048, questionTokens: 256, outputTokens: 256 };

describe("shared-prefix", () => {
  const spec = { kind: "shared-prefix", groups: 4, prompts: 8, ...shape };

  it("asks every prompt once before one is asked again", () => {
    const keys = requestsOf(sharedPrefixPart, spec, 64).map(({ blockKeys }) => blockKeys.at(-1));
    expect(new Set(keys.slice(0, 32)).size).toBe(32);
    expect(keys.slice(32)).toEqual(keys.slice(0, 32));
  });

  it("shares the system prompt within a group, and nothing between groups", () => {
    const requests = requestsOf(sharedPrefixPart, spec, 32);
    const counts = requests.slice(1).map((request) => sharedKeys(requests[0]!, request));
    expect(counts.filter((count) => count === 128)).toHaveLength(7);
    expect(counts.filter((count) => count === 0)).toHaveLength(24);
  });

  it("has its lengths", () => {
    const [first] = requestsOf(sharedPrefixPart, spec, 1);
    expect(first).toMatchObject({ promptTokens: 2304, outputTokens: 256, part: "part", model: "base" });
    expect(first?.blockKeys).toHaveLength(144);
  });

  it("asks something new each time where prompts are not counted", () => {
    const { prompts: _, ...endless } = spec;
    const requests = requestsOf(sharedPrefixPart, endless, 500);
    expect(new Set(requests.map(({ blockKeys }) => blockKeys.at(-1))).size).toBe(500);
    expect(new Set(requests.map(({ blockKeys }) => blockKeys[0])).size).toBe(4);
  });

  it("gives a prompt that is asked again the length that it had", () => {
    const drawn = { ...spec, questionTokens: { min: 100, max: 400 }, outputTokens: { mean: 200, deviation: 100 } };
    const requests = requestsOf(sharedPrefixPart, drawn, 64);
    const lengths = requests.map(({ promptTokens, outputTokens }) => [promptTokens, outputTokens]);
    expect(lengths.slice(32)).toEqual(lengths.slice(0, 32));
    expect(new Set(lengths.map(([prompt]) => prompt)).size).toBeGreaterThan(20);
  });

  it("shares no cache between adapters", () => {
    const requests = requestsOf(sharedPrefixPart, { ...spec, groups: 1, adapters: ["de", "fr"] }, 32);
    const of = (model: string) => requests.filter((request) => request.model === model);
    expect(of("de").length + of("fr").length).toBe(32);
    expect(sharedKeys(of("de")[0]!, of("de")[1]!)).toBe(128);
    expect(sharedKeys(of("de")[0]!, of("fr")[0]!)).toBe(0);
  });
});

describe("chat", () => {
  const spec = {
    kind: "chat",
    systems: 2,
    systemTokens: 100,
    turns: 3,
    userTokens: 50,
    outputTokens: 77,
    thinkTime: "10s",
  };

  it("begins each turn with the one before and its answer", () => {
    const [first] = requestsOf(chatPart, spec, 1);
    const second = first!.next!();
    const third = second.request.next!();
    expect([first, second.request, third.request].map((request) => request!.promptTokens)).toEqual([150, 277, 404]);
    expect(sharedKeys(first!, second.request)).toBe(Math.floor(227 / 16));
    expect(sharedKeys(second.request, third.request)).toBe(Math.floor(354 / 16));
    expect(third.request.next).toBeUndefined();
    expect(second.afterMs).toBeGreaterThan(0);
    expect(third.request.sessionKey).toBe(first!.sessionKey);
  });

  it("shares the system prompt alone between conversations", () => {
    const requests = requestsOf(chatPart, spec, 40);
    const counts = requests.slice(1).map((request) => sharedKeys(requests[0]!, request));
    expect(new Set(counts)).toEqual(new Set([0, 6]));
    expect(new Set(requests.map(({ sessionKey }) => sessionKey)).size).toBe(40);
  });

  it("goes on alike in whatever order its answers come", () => {
    const drawn = { ...spec, userTokens: { min: 10, max: 90 } };
    const [a, b] = requestsOf(chatPart, drawn, 2);
    const [c, d] = requestsOf(chatPart, drawn, 2);
    const inOrder = [a!.next!(), b!.next!()].map(({ request }) => request.promptTokens);
    const inTurn = [d!.next!(), c!.next!()].map(({ request }) => request.promptTokens);
    expect(inTurn).toEqual(inOrder.toReversed());
  });

  it("takes as many turns as are drawn", () => {
    const lengths = requestsOf(chatPart, { ...spec, turns: { min: 1, max: 4 } }, 200).map((request) => {
      let turns = 1;
      for (let next = request.next; next !== undefined; next = next().request.next) turns += 1;
      return turns;
    });
    expect(new Set(lengths)).toEqual(new Set([1, 2, 3, 4]));
  });
});

describe("unique", () => {
  const spec = { kind: "unique", promptTokens: { min: 10, max: 3000 }, outputTokens: 20 };

  it("shares nothing", () => {
    const keys = requestsOf(uniquePart, spec, 200).flatMap(({ blockKeys }) => [...blockKeys]);
    expect(new Set(keys).size).toBe(keys.length);
  });

  it("is the same with the same seed, and another with another", () => {
    const lengths = (seed: number) => requestsOf(uniquePart, spec, 50, seed).map(({ promptTokens }) => promptTokens);
    expect(lengths(3)).toEqual(lengths(3));
    expect(lengths(3)).not.toEqual(lengths(4));
  });

  it("cuts answers where clients do", () => {
    const long = { ...spec, outputTokens: { min: 1, max: 100 }, maxOutputTokens: 50 };
    const requests = requestsOf(uniquePart, long, 200);
    expect(Math.max(...requests.map(({ outputTokens }) => outputTokens))).toBe(50);
    expect(requests[0]).toMatchObject({ maxOutputTokens: 50 });
    expect(requestsOf(uniquePart, spec, 1)[0]).not.toHaveProperty("maxOutputTokens");
  });

  it("has clients give up, headers and targets as the part says", () => {
    const aborts = { share: 0.25, after: "2s" };
    const rich = {
      ...spec,
      aborts,
      headers: { "x-llm-d-inference-objective": "batch" },
      slo: { ttft: "300ms", tpot: "40ms" },
    };
    const requests = requestsOf(uniquePart, rich, 4000);
    const gone = requests.filter(({ abortAfterMs }) => abortAfterMs > 0);
    expect(gone.length / 4000).toBeCloseTo(0.25, 1);
    expect(gone.reduce((sum, { abortAfterMs }) => sum + abortAfterMs, 0) / gone.length / 2000).toBeCloseTo(1, 0);
    expect(requests[0]).toMatchObject({ sloTtftMs: 300, sloTpotMs: 40, headers: rich.headers });
  });
});
