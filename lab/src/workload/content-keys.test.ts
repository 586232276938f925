import { describe, expect, it } from "vitest";
import { addContent, noContent, recordedKey, type Segment } from "./content-keys.ts";

const segment = (space: number, id: number, tokens: number): Segment => ({ space, id, tokens });
const keysOf = (...segments: readonly Segment[]) => [...addContent(noContent, segments).keys];
/** Leading keys that two lists share. */
const shared = (a: readonly number[], b: readonly number[]) => a.findIndex((key, i) => key !== b[i]);

describe("addContent", () => {
  const counts = [
    { title: "nothing", tokens: 0, keys: 0 },
    { title: "less than a block", tokens: 15, keys: 0 },
    { title: "one block", tokens: 16, keys: 1 },
    { title: "a block and a half", tokens: 24, keys: 1 },
    { title: "a long prompt", tokens: 12_000, keys: 750 },
  ];
  for (const { title, tokens, keys } of counts) {
    it(`has a key for each full block of ${title}`, () => expect(keysOf(segment(1, 2, tokens))).toHaveLength(keys));
  }

  it("gives whole numbers of 53 bits that use all of them", () => {
    const keys = keysOf(segment(1, 2, 16_000));
    for (const key of keys) expect(Number.isSafeInteger(key) && key >= 0).toBe(true);
    expect(Math.max(...keys)).toBeGreaterThan(0.99 * 2 ** 53);
  });

  it("shares the keys of the common start and none behind it", () => {
    const a = keysOf(segment(1, 7, 2048), segment(2, 1, 256));
    const b = keysOf(segment(1, 7, 2048), segment(2, 2, 256));
    expect(shared(a, b)).toBe(128);
    expect(a.filter((key) => b.includes(key))).toHaveLength(128);
  });

  it("does not share a block that the common start only begins", () => {
    const a = keysOf(segment(1, 7, 40), segment(2, 1, 100));
    const b = keysOf(segment(1, 7, 40), segment(2, 2, 100));
    expect(shared(a, b)).toBe(2);
  });

  it("tells segments apart that begin within one block after different lengths", () => {
    const a = keysOf(segment(1, 7, 4), segment(2, 1, 60));
    const b = keysOf(segment(1, 7, 9), segment(2, 1, 60));
    expect(shared(a, b)).toBe(0);
  });

  it("goes on from a state as if all had been added at once", () => {
    const first = addContent(noContent, [segment(1, 7, 100), segment(2, 1, 33)]);
    const further = addContent(first, [segment(3, 5, 500)]);
    expect([...further.keys]).toEqual(keysOf(segment(1, 7, 100), segment(2, 1, 33), segment(3, 5, 500)));
    expect(further.tokens).toBe(633);
  });

  it("gives a million neighbouring contents a million keys", () => {
    const keys = new Set<number>();
    for (let id = 0; id < 1000; id++) for (const key of keysOf(segment(id >> 5, id & 31, 16_000))) keys.add(key);
    expect(keys.size).toBe(1_000_000);
  });
});

describe("recordedKey", () => {
  it("gives the pieces of different blocks different keys, and of the same block the same", () => {
    const keys = new Set<number>();
    for (let id = 0; id < 20_000; id++) for (let piece = 0; piece < 32; piece++) keys.add(recordedKey(3, id, piece));
    expect(keys.size).toBe(640_000);
    expect(keys.has(recordedKey(3, 19_999, 31))).toBe(true);
    expect(keys.has(recordedKey(4, 19_999, 31))).toBe(false);
  });

  it("tells ids apart that are equal in their lower 32 bits", () => {
    expect(recordedKey(3, 5, 0)).not.toBe(recordedKey(3, 5 + 2 ** 32, 0));
    expect(Number.isSafeInteger(recordedKey(3, 2 ** 53 - 1, 31))).toBe(true);
  });
});
