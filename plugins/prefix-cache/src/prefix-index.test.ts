import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createPrefixIndex, type PrefixIndex } from "./prefix-index.ts";

/** Blocks by number as hashes, all in one table, with eight homes there at most. */
const hashesOf = (blocks: readonly number[]) =>
  Uint32Array.from(blocks.flatMap((block) => [(block % 8) * 1_024, block]));

const matchOf = (index: PrefixIndex, blocks: readonly number[], slots: readonly number[]) => {
  const matched = new Uint32Array(slots.length);
  index.match(hashesOf(blocks), blocks.length, Uint32Array.from(slots), matched);
  return [...matched];
};

const learn = (index: PrefixIndex, slot: number, blocks: readonly number[], capacity: number) =>
  index.learn(slot, hashesOf(blocks), blocks.length, capacity);

/** The same in plain Maps and Sets: a set's order is the order of touches, oldest first. */
function createModel() {
  const held = new Map<number, Set<number>>();
  const of = (slot: number) => held.get(slot) ?? new Set<number>();
  return {
    of,
    forget: (slot: number) => held.delete(slot),
    learn(slot: number, blocks: readonly number[], capacity: number) {
      const set = of(slot);
      held.set(slot, set);
      const kept = blocks.slice(0, capacity);
      for (const block of kept.toReversed()) {
        set.delete(block);
        set.add(block);
      }
      for (const oldest of [...set].slice(0, Math.max(0, set.size - capacity))) set.delete(oldest);
    },
    match: (slot: number, blocks: readonly number[]) => {
      const gap = blocks.findIndex((block) => !of(slot).has(block));
      return gap < 0 ? blocks.length : gap;
    },
    blocks: () => new Set([...held.values()].flatMap((set) => [...set])).size,
  };
}

describe("a prefix index", () => {
  it("knows nothing at first", () => {
    const index = createPrefixIndex();
    expect(matchOf(index, [1, 2], [0, 40, 5_000])).toEqual([0, 0, 0]);
    expect(index.held(3)).toBe(0);
    index.forget(3);
  });

  it("counts per endpoint only what it holds without a gap", () => {
    const index = createPrefixIndex();
    learn(index, 0, [1, 2, 3, 4], 100);
    learn(index, 1, [1, 2], 100);
    learn(index, 33, [1, 9, 3, 4], 100);
    learn(index, 2, [2, 3, 4], 100);
    expect(matchOf(index, [1, 2, 3, 4, 5], [0, 1, 2, 33])).toEqual([4, 2, 0, 1]);
  });

  it("drops what was touched longest ago, of one prompt the last block first", () => {
    const index = createPrefixIndex();
    learn(index, 0, [1, 2, 3], 5);
    learn(index, 0, [7, 8, 9], 5);
    expect(matchOf(index, [1, 2, 3], [0])).toEqual([2]);
    learn(index, 0, [1, 2], 5);
    learn(index, 0, [5], 5);
    expect(matchOf(index, [1, 2], [0])).toEqual([2]);
    expect(matchOf(index, [7, 8, 9], [0])).toEqual([2]);
    expect(index.held(0)).toBe(5);
  });

  it("keeps the first blocks of a prompt that is longer than the cache, and leaks none", () => {
    const index = createPrefixIndex();
    learn(index, 0, [1, 2, 3, 4, 5, 6], 4);
    expect(matchOf(index, [1, 2, 3, 4, 5, 6], [0])).toEqual([4]);
    expect(index.blocks).toBe(4);
  });

  it("holds nothing where the cache has no room for a block", () => {
    const index = createPrefixIndex();
    learn(index, 0, [1, 2], 0);
    expect(index.blocks).toBe(0);
  });

  it("forgets one endpoint and no other", () => {
    const index = createPrefixIndex();
    learn(index, 0, [1, 2], 10);
    learn(index, 70, [1, 2, 3], 10);
    index.forget(70);
    expect(matchOf(index, [1, 2, 3], [0, 70])).toEqual([2, 0]);
    expect([index.blocks, index.held(70)]).toEqual([2, 0]);
    learn(index, 70, [3], 10);
    expect(matchOf(index, [3], [0, 70])).toEqual([0, 1]);
  });

  it("believes of every step what plain sets believe", () => {
    const prompt = fc
      .array(fc.nat(3), { minLength: 0, maxLength: 9 })
      .map((turns) => turns.map((_, i) => turns.slice(0, i + 1).reduce((chain, turn) => chain * 4 + turn + 1, 0) % 97));
    const slot = fc.constantFrom(0, 1, 31, 32, 63, 100);
    const step = fc.oneof(
      { weight: 12, arbitrary: fc.record({ kind: fc.constant("learn" as const), slot, prompt, capacity: fc.nat(14) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant("forget" as const), slot }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.array(prompt, { maxLength: 5 }), (steps, probes) => {
        const index = createPrefixIndex();
        const model = createModel();
        const slots = [0, 1, 31, 32, 63, 100];
        for (const next of steps) {
          if (next.kind === "forget") {
            index.forget(next.slot);
            model.forget(next.slot);
          } else {
            learn(index, next.slot, next.prompt, next.capacity);
            model.learn(next.slot, next.prompt, next.capacity);
          }
          expect(slots.map((held) => index.held(held))).toEqual(slots.map((held) => model.of(held).size));
          expect(index.blocks).toBe(model.blocks());
        }
        for (const probe of probes) {
          expect(matchOf(index, probe, slots)).toEqual(slots.map((held) => model.match(held, probe)));
        }
      }),
      { numRuns: 300 },
    );
  });

  it("believes what plain sets believe when tables grow and rows are used again", () => {
    const index = createPrefixIndex();
    const model = createModel();
    const prompts = (slot: number, i: number) =>
      Array.from({ length: 200 }, (_, block) => 1_000 * ((i * 7 + slot) % 23) + block);
    for (let i = 0; i < 120; i++) {
      const slot = i % 3 === 0 ? 200 : i % 5;
      learn(index, slot, prompts(slot, i), 900);
      model.learn(slot, prompts(slot, i), 900);
      if (i % 40 === 39) {
        index.forget(1);
        model.forget(1);
      }
    }
    const slots = [0, 1, 2, 3, 4, 200];
    expect(index.blocks).toBe(model.blocks());
    for (let i = 0; i < 23; i++) {
      expect(matchOf(index, prompts(0, i), slots)).toEqual(slots.map((slot) => model.match(slot, prompts(0, i))));
    }
  });

  it("takes at most 40 bytes a block, a bit a (block, endpoint) and 30 bytes a pair held", () => {
    const index = createPrefixIndex();
    const blocks = Array.from({ length: 50_000 }, (_, block) => block);
    const hashes = Uint32Array.from(
      blocks.flatMap((block) => [Math.imul(block, 0x9e3779b1), Math.imul(block, 0x85ebca6b)]),
    );
    for (let slot = 0; slot < 8; slot++) index.learn(slot, hashes, blocks.length, blocks.length);
    expect(index.bytes).toBeLessThan(index.blocks * (40 + 32 / 8) + 8 * blocks.length * 30);
  });
});
