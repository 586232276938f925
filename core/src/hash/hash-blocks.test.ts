import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../contract/index.ts";
import { hashBlocks, hashBytes, prefixSeed } from "./hash-blocks.ts";

const seed = { low: 1, high: 2 };

describe("bad input", () => {
  for (const blockBytes of [0, -4, 6, Number.NaN]) {
    it(`refuses blocks of ${blockBytes} bytes`, () => {
      expect(() => hashBlocks(new Uint8Array(64), blockBytes, seed)).toThrow(RangeError);
    });
  }

  it("hashes no block where none is full", () => {
    expect(hashBlocks(new Uint8Array(63), 64, seed)).toHaveLength(0);
    expect(hashBlocks(new Uint8Array(0), 64, seed)).toHaveLength(0);
  });
});

const multiply = (a: bigint, b: bigint) => (a * b) & 0xffffffffn;
const rotate = (a: bigint, by: bigint) => ((a << by) | (a >> (32n - by))) & 0xffffffffn;
const mix = (h: bigint) => {
  const a = multiply(h ^ (h >> 16n), 0x85ebca6bn);
  const b = multiply(a ^ (a >> 13n), 0xc2b2ae35n);
  return b ^ (b >> 16n);
};

/** The algorithm as its docstring words it. */
function hashSlowly(bytes: Uint8Array, blockBytes: number, start: { low: number; high: number }): number[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const [P1, P2, P3, P4] = [0x9e3779b1n, 0x85ebca77n, 0xc2b2ae3dn, 0x27d4eb2fn];
  let [low, high] = [BigInt(start.low), BigInt(start.high)];
  const hashes: number[] = [];
  for (let block = 0; block + blockBytes <= bytes.length; block += blockBytes) {
    let [a, b] = [low ^ P1, high ^ P2];
    for (let at = block; at < block + blockBytes; at += 8) {
      const x = BigInt(view.getUint32(at, true));
      const y = at + 4 < block + blockBytes ? BigInt(view.getUint32(at + 4, true)) : 0n;
      const t = (rotate(a ^ multiply(x, P1), 15n) + b) & 0xffffffffn;
      a = rotate(multiply(b ^ multiply(y, P2), P3), 13n);
      b = multiply(t, P4);
    }
    high = mix(b);
    low = (mix(a) + high) & 0xffffffffn;
    high = (high + low) & 0xffffffffn;
    hashes.push(Number(low), Number(high));
  }
  return hashes;
}

describe("block hashes", () => {
  const vectors = [
    {
      title: "zeros",
      bytes: new Uint8Array(16),
      blockBytes: 8,
      want: [0xea6dca78, 0x35545c9d, 0x13ac9e5c, 0xd892dea4],
    },
    {
      title: "text",
      bytes: Buffer.from("The quick brown fox jumps over the lazy dog."),
      blockBytes: 16,
      want: [0x69a50967, 0x1f6ea3cb, 0x9394eeb7, 0xb1c7581f],
    },
    {
      title: "an odd count of words",
      bytes: Uint8Array.from({ length: 24 }, (_, i) => i),
      blockBytes: 12,
      want: [0xb64b3328, 0x86adbddb, 0x094b2362, 0xa651dc03],
    },
  ];
  for (const { title, bytes, blockBytes, want } of vectors) {
    it(`of ${title} are the published ones`, () => expect([...hashBlocks(bytes, blockBytes, seed)]).toEqual(want));
  }

  const blocks = fc.record({
    bytes: fc.uint8Array({ maxLength: 200 }),
    blockBytes: fc.constantFrom(4, 8, 12, 64),
    low: fc.nat(2 ** 32 - 1),
    high: fc.nat(2 ** 32 - 1),
    offset: fc.nat(5),
  });

  it("are those of the documented algorithm, wherever the bytes lie", () => {
    fc.assert(
      fc.property(blocks, ({ bytes, blockBytes, low, high, offset }) => {
        const shifted = new Uint8Array(bytes.length + offset);
        shifted.set(bytes, offset);
        const hashes = hashBlocks(shifted.subarray(offset), blockBytes, { low, high });
        expect([...hashes]).toEqual(hashSlowly(bytes, blockBytes, { low, high }));
      }),
    );
  });

  it("agree up to the first difference, and never behind it", () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ minLength: 64, maxLength: 256 }),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (bytes, at, flip) => {
          const position = at % (bytes.length - (bytes.length % 16));
          const other = Uint8Array.from(bytes);
          other[position] ^= flip;
          const [one, two] = [bytes, other].map((b) => hashBlocks(b, 16, seed));
          for (let block = 0; block < one.length / 2; block++) {
            const equal = one[2 * block] === two[2 * block] && one[2 * block + 1] === two[2 * block + 1];
            expect(equal).toBe(block < Math.floor(position / 16));
          }
        },
      ),
    );
  });

  it("are of at most as many blocks as asked for", () => {
    const bytes = Buffer.alloc(1_000, 7);
    expect(hashBlocks(bytes, 100, seed, 3)).toEqual(hashBlocks(bytes, 100, seed).slice(0, 6));
  });

  const contents = {
    "random ones": (i: number, words: Uint32Array, random: () => number) => {
      for (let w = 0; w < 4; w++) words[(i + w) % words.length] = random() * 2 ** 32;
    },
    "ones that count": (i: number, words: Uint32Array) => {
      words[i % 2] = i;
    },
    "ones that differ in two places": (i: number, words: Uint32Array) => {
      words[0] = i % 1_000;
      words[10] = Math.floor(i / 1_000) << 22;
    },
  };
  for (const [title, fill] of Object.entries(contents)) {
    it(`of many different blocks, ${title}, are all different, and either half as different as chance allows`, () => {
      const count = title === "random ones" ? 1_000_000 : 200_000;
      const words = new Uint32Array(16);
      const random = createRandom(5);
      const hashes = { low: new Float64Array(count), both: new Float64Array(count), high: new Float64Array(count) };
      for (let i = 0; i < count; i++) {
        fill(i, words, random);
        const [low, high] = hashBlocks(new Uint8Array(words.buffer), 64, seed);
        hashes.low[i] = low;
        hashes.high[i] = high;
        hashes.both[i] = low * 2 ** 20 + (high >>> 12);
      }
      expect(countRepeats(hashes.both)).toBe(0);
      const chance = count ** 2 / 2 ** 33;
      expect(countRepeats(hashes.low)).toBeLessThan(2 * chance + 10);
      expect(countRepeats(hashes.high)).toBeLessThan(2 * chance + 10);
    });
  }
});

describe("a hash of bytes", () => {
  it("depends on their count as on themselves", () => {
    const hashes = [0, 1, 7, 8, 9, 16].map((length) => JSON.stringify(hashBytes(new Uint8Array(length))));
    expect(new Set(hashes).size).toBe(hashes.length);
  });
});

describe("a prefix seed", () => {
  it("differs by model, adapter and cache salt", () => {
    const seeds = [prefixSeed("m", "", ""), prefixSeed("", "m", ""), prefixSeed("", "", "m"), prefixSeed("n", "", "")];
    expect(new Set(seeds.map((s) => JSON.stringify(s))).size).toBe(seeds.length);
    expect(prefixSeed("m", "a", "s")).toEqual(prefixSeed("m", "a", "s"));
  });
});

function countRepeats(values: Float64Array): number {
  values.sort();
  let repeats = 0;
  for (let i = 1; i < values.length; i++) if (values[i] === values[i - 1]) repeats++;
  return repeats;
}
