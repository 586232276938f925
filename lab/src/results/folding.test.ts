import { describe, expect, it } from "vitest";
import { createFolding } from "./folding.ts";

describe("folding", () => {
  it("holds nothing at first", () => {
    const folding = createFolding(["sum"], 4);
    expect([folding.used, folding.intervalMs, folding.at(0, 0)]).toEqual([0, 125, 0]);
  });

  for (const atMs of [Number.NaN, Number.POSITIVE_INFINITY]) {
    it(`leaves out what is at ${atMs}, for ever folding nothing`, () => {
      const folding = createFolding(["sum", "max"], 4);
      folding.add(0, atMs, 1);
      folding.raise(1, atMs, 1);
      expect(folding.used).toBe(0);
    });
  }

  it("doubles its slots until the time fits, sums by sum and peaks by the larger", () => {
    const folding = createFolding(["sum", "max"], 4);
    for (const atMs of [0, 130, 260, 499]) {
      folding.add(0, atMs, 1);
      folding.raise(1, atMs, atMs);
    }
    folding.add(0, 1999, 5);
    expect([folding.intervalMs, folding.used]).toEqual([500, 4]);
    expect([0, 1, 2, 3].map((slot) => folding.at(0, slot))).toEqual([4, 0, 0, 5]);
    expect([0, 1, 2, 3].map((slot) => folding.at(1, slot))).toEqual([499, 0, 0, 0]);
  });

  it("takes times in any order, and those below 0 as 0", () => {
    const folding = createFolding(["sum"], 8);
    for (const atMs of [10_000, 3, 5_000, -7]) folding.add(0, atMs, 1);
    const slots = Array.from({ length: folding.used }, (_, slot) => folding.at(0, slot));
    expect(slots.reduce((sum, value) => sum + value, 0)).toBe(4);
    expect(folding.at(0, 0)).toBe(2);
  });
});
