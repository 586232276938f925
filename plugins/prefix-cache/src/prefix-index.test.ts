import { createRandom } from "@outrider/plugin-sdk";
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

/** Numbers of chains of turns, each chain one of its own. */
const chains = new Map<string, number>();

/** Makes of each turn the block that stands for it and all before. */
function toChain() {
  let chain = "";
  return (turn: number) => {
    chain += turn;
    if (!chains.has(chain)) chains.set(chain, chains.size + 1);
    return chains.get(chain) ?? 0;
  };
}

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
      .array(fc.nat(2), { minLength: 0, maxLength: 5 })
      .map((turns) => turns.flatMap((turn) => Array.from({ length: 1 + 5 * turn }, () => turn)).map(toChain()));
    const slot = fc.constantFrom(0, 1, 31, 32, 63, 100);
    const step = fc.oneof(
      { weight: 12, arbitrary: fc.record({ kind: fc.constant("learn" as const), slot, prompt, capacity: fc.nat(60) }) },
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

  it("counts over a long prompt what plain sets count, wherever endpoints end", () => {
    const index = createPrefixIndex();
    const model = createModel();
    const blocks = Array.from({ length: 100 }, (_, block) => 500 + block);
    const slots = Array.from({ length: 101 }, (_, slot) => slot);
    for (const slot of slots) {
      learn(index, slot, blocks.slice(0, (slot * 37) % 101), 1_000);
      model.learn(slot, blocks.slice(0, (slot * 37) % 101), 1_000);
    }
    for (const some of [slots, slots.filter((slot) => slot % 7 === 3), [4]]) {
      for (const length of [1, 16, 17, 18, 50, 100]) {
        const prompt = blocks.slice(0, length);
        expect(matchOf(index, prompt, some)).toEqual(some.map((slot) => model.match(slot, prompt)));
        expect(index.depth(some[0]!, hashesOf(prompt), length)).toBe(model.match(some[0]!, prompt));
      }
    }
  });

  it("takes blocks back, and no more than there are", () => {
    const index = createPrefixIndex();
    learn(index, 3, [1, 2, 3, 4], 100);
    learn(index, 4, [1, 2, 3, 4], 100);
    index.unlearn(3, hashesOf([1, 2, 3, 4, 5]), 2, 5);
    index.unlearn(9, hashesOf([1, 2]), 0, 2);
    expect(matchOf(index, [1, 2, 3, 4], [3, 4, 9])).toEqual([2, 4, 0]);
    expect([index.held(3), index.pairs, index.blocks]).toEqual([2, 6, 4]);
  });

  it("holds no more blocks at all than it may, and takes them from the endpoints that hold most", () => {
    const index = createPrefixIndex(100);
    const prompts = (first: number, length: number) => Array.from({ length }, (_, block) => first + block);
    learn(index, 0, prompts(1_000, 80), 1_000);
    learn(index, 1, prompts(2_000, 10), 1_000);
    learn(index, 2, prompts(3_000, 30), 1_000);
    expect(index.pairs).toBe(100);
    expect([index.held(0), index.held(1), index.held(2)]).toEqual([60, 10, 30]);
    expect(matchOf(index, prompts(1_000, 80), [0])).toEqual([60]);
  });

  it("recalls blocks as touched before all others, in the order of their last touch", () => {
    const [index, next] = [createPrefixIndex(), createPrefixIndex()];
    learn(index, 5, [1, 2, 3], 100);
    learn(index, 5, [7, 8], 100);
    const latest = index.latest(5, 4);
    expect([...latest]).toEqual([...hashesOf([7, 8, 1, 2])]);
    learn(next, 0, [9], 100);
    for (let at = 0; at < latest.length; at += 2) next.recall(0, latest[at]!, latest[at + 1]!, 4);
    expect(next.held(0)).toBe(4);
    expect([matchOf(next, [9], [0]), matchOf(next, [7, 8], [0]), matchOf(next, [1, 2], [0])]).toEqual([[1], [2], [1]]);
  });

  for (const { endpoints, holders, count } of [
    { endpoints: 8, holders: 8, count: 60_000 },
    { endpoints: 100, holders: 1, count: 120_000 },
    { endpoints: 100, holders: 33, count: 30_000 },
  ]) {
    it(`takes 40 bytes a block, 1/8 a (block, endpoint) and 12 a pair, ${holders} of ${endpoints} holding each`, () => {
      const index = createPrefixIndex();
      const random = createRandom(7);
      const hashes = Uint32Array.from({ length: 2 * count }, () => random() * 2 ** 32);
      for (let holder = 0; holder < holders; holder++) {
        // Each block has holders in all of the bitmap.
        for (let part = 0; part < 10; part++) {
          const slot = Math.floor((holder * endpoints) / holders + part) % endpoints;
          const own = hashes.subarray((part * 2 * count) / 10, ((part + 1) * 2 * count) / 10);
          index.learn(slot, own, count / 10, count);
        }
      }
      expect(index.blocks).toBe(count);
      // Chunks that are not full yet.
      const unused = 2 ** 20;
      expect(index.bytes).toBeLessThan(count * (40 + endpoints / 8) + 12 * index.pairs + unused);
    });
  }
});

/** Defects of the reference EPP. */
describe("what the reference EPP gets wrong", () => {
  it("does not credit an endpoint with blocks behind a gap (defect: prefixes are not checked for contiguity)", () => {
    const index = createPrefixIndex();
    learn(index, 0, [1, 2, 3, 4], 100);
    learn(index, 1, [2, 3, 4], 100);
    learn(index, 2, [1, 12, 13, 14], 100);
    expect(matchOf(index, [1, 2, 3, 4], [0, 1, 2])).toEqual([4, 0, 1]);
  });

  it("drops a prompt's end before its beginning, so that a partly evicted prefix counts as far as it is there (defect: the earliest blocks go first)", () => {
    const index = createPrefixIndex();
    learn(index, 0, [1, 2, 3, 4], 6);
    learn(index, 0, [7, 8, 9, 10], 6);
    expect(matchOf(index, [1, 2, 3, 4], [0])).toEqual([2]);
  });

  it("knows a hot prefix at every endpoint that holds it (defect: an 11th replica evicts another)", () => {
    const index = createPrefixIndex();
    const slots = Array.from({ length: 40 }, (_, slot) => slot);
    for (const slot of slots) learn(index, slot, [1, 2, 3, 4], 100);
    expect(matchOf(index, [1, 2, 3, 4], slots)).toEqual(slots.map(() => 4));
  });

  it("leaks no block of prompts that are longer than the cache (defect: their entries leak)", () => {
    const index = createPrefixIndex();
    for (let prompt = 0; prompt < 50; prompt++) {
      learn(
        index,
        0,
        Array.from({ length: 40 }, (_, block) => 100 * prompt + block),
        8,
      );
    }
    expect([index.blocks, index.pairs, index.held(0)]).toEqual([8, 8, 8]);
    index.forget(0);
    expect([index.blocks, index.pairs]).toEqual([0, 0]);
  });
});
