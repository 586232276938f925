import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { maxChunkBytes, splitBody } from "./full-duplex.ts";

const sizesOf = (pieces: ReturnType<typeof splitBody>) => pieces.map((piece) => Buffer.concat(piece).length);

describe("a body goes back in pieces of at most 62,000 bytes", () => {
  const cases = [
    { bytes: 0, want: [0] },
    { bytes: 61_000, want: [61_000] },
    { bytes: 62_000, want: [62_000] },
    { bytes: 62_001, want: [62_000, 1] },
    { bytes: 63_000, want: [62_000, 1000] },
    { bytes: 125_000, want: [62_000, 62_000, 1000] },
  ];
  for (const { bytes, want } of cases) {
    it(`${bytes} bytes`, () => expect(sizesOf(splitBody([Buffer.alloc(bytes)], maxChunkBytes))).toEqual(want));
  }

  it("whatever chunks it came in: all full but the last, and all of it", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 50 })), fc.integer({ min: 1, max: 40 }), (parts, maxBytes) => {
        const chunks = parts.map((part) => Buffer.from(part));
        const pieces = splitBody(chunks, maxBytes);
        expect(Buffer.concat(pieces.flat())).toEqual(Buffer.concat(chunks));
        expect(sizesOf(pieces).slice(0, -1)).toEqual(pieces.slice(1).map(() => maxBytes));
        expect(sizesOf(pieces).at(-1)).toBeLessThanOrEqual(maxBytes);
      }),
    );
  });
});
