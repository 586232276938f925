import { describe, expect, it } from "vitest";
import { createRandom, deriveSeed } from "./random.ts";

describe("random numbers", () => {
  const vectors = [
    { seed: 0, want: [1_144_304_738, 1_416_247, 958_946_056] },
    { seed: 1, want: [2_693_262_067, 11_749_833, 2_265_367_787] },
    { seed: 0xffffffff, want: [3_850_105_811, 813_802_916, 3_073_704_848] },
  ];
  for (const { seed, want } of vectors) {
    it(`of seed ${seed} are the published ones, as whole 32-bit words`, () => {
      const random = createRandom(seed);
      expect(want.map(() => random() * 2 ** 32)).toEqual(want);
    });
  }

  it("are spread evenly over [0, 1)", () => {
    const random = createRandom(3);
    const counts = Array<number>(10).fill(0);
    for (let i = 0; i < 100_000; i++) counts[Math.floor(random() * 10)]++;
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(500);
  });
});

describe("a derived seed", () => {
  it("is a 32-bit number of its own for each part of a whole", () => {
    const seeds = new Set<number>();
    for (let seed = 0; seed < 100; seed++) for (let i = 0; i < 100; i++) seeds.add(deriveSeed(seed, i));
    expect(seeds.size).toBe(10_000);
    for (const seed of seeds) expect(seed >>> 0).toBe(seed);
  });

  it("is the published one", () => expect([deriveSeed(0, 0), deriveSeed(42, 7)]).toEqual([301_794_027, 2_784_414_415]));
});
