import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BlockPool } from "./block-pool.ts";

describe("BlockPool", () => {
  it("gives the block first that was unused longest", () => {
    const pool = new BlockPool(3);
    const [a, b, c] = [pool.take(), pool.take(), pool.take()];
    for (const block of [b, c, a]) pool.release(block);
    expect([pool.take(), pool.take(), pool.take()]).toEqual([b, c, a]);
  });

  it("finds a free block by its content until it is taken for other content", () => {
    const pool = new BlockPool(1);
    const block = pool.take();
    pool.publish(block, 42);
    pool.release(block);
    expect(pool.find(42)).toBe(block);
    pool.take();
    expect(pool.find(42)).toBe(-1);
  });

  it("finds the copy in use where two blocks hold one content", () => {
    const pool = new BlockPool(2);
    const old = pool.take();
    pool.publish(old, 7);
    pool.release(old);
    const fresh = [pool.take(), pool.take()].find((block) => block !== old)!;
    pool.publish(fresh, 7);
    expect(pool.find(7)).toBe(fresh);
  });

  it("counts a block that several sequences decode on once", () => {
    const pool = new BlockPool(2);
    const block = pool.take();
    pool.addDecoder(block);
    pool.addDecoder(block);
    expect(pool.decodedBlocks).toBe(1);
    pool.removeDecoder(block);
    pool.removeDecoder(block);
    expect(pool.decodedBlocks).toBe(0);
  });

  it("behaves like a map with least-recently-used eviction", () => {
    fc.assert(fc.property(fc.array(fc.nat(40), { maxLength: 300 }), fc.integer({ min: 1, max: 12 }), checkAgainstMap));
  });
});

/** Uses contents one after the other, in a pool and in a `Map` whose order of insertion is the order of use. */
function checkAgainstMap(contents: number[], size: number): void {
  const pool = new BlockPool(size);
  const model = new Map<number, true>();
  for (const content of contents) {
    const key = content * 0x1_0000_0003;
    const found = pool.find(key);
    expect(found >= 0).toBe(model.has(key));
    const block = found >= 0 ? found : pool.take();
    if (found >= 0) pool.retain(block);
    else pool.publish(block, key);
    pool.release(block);
    model.delete(key);
    model.set(key, true);
    if (model.size > size) model.delete(model.keys().next().value!);
    expect(pool.freeBlocks).toBe(size);
  }
}
