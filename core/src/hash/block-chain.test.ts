import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createBlockChain } from "./block-chain.ts";
import { hashBlocks } from "./hash-blocks.ts";

const seed = { low: 7, high: 9 };

/** Hashes of a text that goes on behind another, in pieces. */
function chained(before: string, pieces: readonly string[], blockBytes: number, maxBlocks: number): Uint32Array {
  const bytes = new Uint8Array(Buffer.from(before));
  const hashes = hashBlocks(bytes, blockBytes, seed);
  const blocks = hashes.length / 2;
  const hash = blocks === 0 ? seed : { low: hashes[2 * blocks - 2]!, high: hashes[2 * blocks - 1]! };
  const chain = createBlockChain({ hash, rest: bytes.subarray(blocks * blockBytes), blockBytes, maxBlocks });
  for (const piece of pieces) chain.add(piece);
  return Uint32Array.of(...hashes, ...chain.end());
}

describe("a chain of block hashes", () => {
  it("has none where nothing is added, or too little", () => {
    expect(chained("abc", [], 16, 9)).toHaveLength(0);
    expect(chained("abc", ["", "def"], 16, 9)).toHaveLength(0);
  });

  it("goes on as the whole text is hashed, cut anywhere, in characters too", () => {
    const text = fc.string({ unit: "binary", maxLength: 90 });
    const size = fc.constantFrom(4, 12, 16, 64);
    fc.assert(
      fc.property(text, text, fc.array(fc.nat(180)), size, (before, behind, places, blockBytes) => {
        const cuts = [0, ...places.map((place) => place % (behind.length + 1)).sort((a, b) => a - b), behind.length];
        const pieces = cuts.slice(1).map((end, i) => behind.slice(cuts[i], end));
        const want = hashBlocks(new Uint8Array(Buffer.from(before + behind)), blockBytes, seed);
        expect(chained(before, pieces, blockBytes, 1_000)).toEqual(want);
      }),
      { seed: 20_261_123, numRuns: 1_000 },
    );
  });

  it("ends with as many blocks as it may have", () => {
    const whole = hashBlocks(new Uint8Array(Buffer.from("a".repeat(100))), 16, seed);
    for (const pieces of [["a".repeat(95)], Array.from({ length: 95 }, () => "a")]) {
      expect(chained("aaaaa", pieces, 16, 3)).toEqual(whole.slice(0, 6));
    }
  });

  it("is full with them, and no earlier", () => {
    const chain = createBlockChain({ hash: seed, rest: new Uint8Array(0), blockBytes: 16, maxBlocks: 2 });
    const full = ["a".repeat(16), "a".repeat(15), "a".repeat(16)].map((piece) => {
      chain.add(piece);
      return chain.isFull;
    });
    expect(full).toEqual([false, false, true]);
  });
});
