import { prefixSeed } from "@outrider/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashKeys, toEngineKeys } from "./given-blocks.ts";

const seed = prefixSeed("m", "", "");
const all = Number.POSITIVE_INFINITY;
const keysOf = (count: number, first = 0) => Float64Array.from({ length: count }, (_, i) => (first + i) * 2 ** 33 + i);
const prompt = (promptTokens: number, blockKeys: Float64Array) => ({ promptTokens, blockKeys });
const hashes = (blockKeys: Float64Array, size: number, promptTokens = 16 * blockKeys.length, of = seed) => {
  const words = hashKeys(prompt(promptTokens, blockKeys), size, all, of);
  return Array.from({ length: words.length / 2 }, (_, i) => `${words[2 * i]}-${words[2 * i + 1]}`);
};

describe("hashes of content keys", () => {
  const counts = [
    { title: "whole blocks alone", tokens: 399, keys: 25, size: 64, want: 6 },
    { title: "none of a prompt shorter than a block", tokens: 63, keys: 25, size: 64, want: 0 },
    {
      title: "none behind the prompt, though its keys reach into the answer",
      tokens: 128,
      keys: 25,
      size: 64,
      want: 2,
    },
    { title: "none behind the keys, where the prompt goes on", tokens: 399, keys: 9, size: 64, want: 2 },
    { title: "blocks that are smaller than those of the keys", tokens: 40, keys: 2, size: 8, want: 4 },
    { title: "blocks that end within those of the keys", tokens: 100, keys: 6, size: 24, want: 4 },
  ];
  for (const { title, tokens, keys, size, want } of counts) {
    it(`are of ${title}`, () => expect(hashes(keysOf(keys), size, tokens).length).toBe(want));
  }

  it("are no more than is wanted", () => {
    expect(hashKeys(prompt(400, keysOf(25)), 16, 3, seed).length).toBe(6);
  });

  it("are equal as far as contents are, and differ from there on", () => {
    const sizes = fc.constantFrom(8, 16, 24, 32, 64, 128);
    fc.assert(
      fc.property(fc.nat(40), fc.integer({ min: 1, max: 40 }), sizes, (shared, own, size) => {
        const one = Float64Array.of(...keysOf(shared), ...keysOf(own, 1_000));
        const other = Float64Array.of(...keysOf(shared), ...keysOf(own, 2_000));
        const [a, b] = [hashes(one, size), hashes(other, size)];
        const same = Math.floor((16 * shared) / size);
        expect(a.map((hash, i) => hash === b[i])).toEqual(a.map((_, i) => i < same));
        expect(new Set(a).size).toBe(a.length);
      }),
    );
  });

  it("are others for another model", () => {
    const other = hashes(keysOf(10), 16, 160, prefixSeed("n", "", ""));
    expect(hashes(keysOf(10), 16).filter((hash) => other.includes(hash))).toEqual([]);
  });
});

describe("keys of an engine", () => {
  it("are those of the workload where blocks are of its size and no adapter is asked for", () => {
    const keys = keysOf(10);
    expect(toEngineKeys(keys, 16, "")).toBe(keys);
  });

  it("are of as many blocks as there are whole ones, each its own, and whole numbers below 2^53", () => {
    for (const [size, count] of [
      [32, 5],
      [48, 3],
      [8, 20],
    ] as const) {
      const keys = toEngineKeys(keysOf(10), size, "");
      expect(new Set(keys).size).toBe(count);
      for (const key of keys) expect(Number.isSafeInteger(key) && key >= 0).toBe(true);
    }
  });

  it("are shared by no two adapters", () => {
    const [none, one, other] = ["", "one", "other"].map((adapter) => toEngineKeys(keysOf(10), 32, adapter));
    expect(new Set([...(none ?? []), ...(one ?? []), ...(other ?? [])]).size).toBe(15);
  });
});
