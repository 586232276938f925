import { describe, expect, it } from "vitest";
import { createHeldBytes } from "../doors/held-bytes.ts";
import { HeldBody } from "./held-body.ts";

const limits = { maxBodyBytes: 1_000_000 };

describe("a body that is held", () => {
  it("is refused above the limit of one request", () => {
    const body = new HeldBody({ maxBodyBytes: 10 }, createHeldBytes(1000));
    expect(body.add(Buffer.alloc(10))).toBeUndefined();
    expect(body.add(Buffer.alloc(1))).toMatchObject({ status: 413 });
  });

  it("is refused where all together hold too much, and counts for nothing then", () => {
    const held = createHeldBytes(10);
    const first = new HeldBody(limits, held);
    const second = new HeldBody(limits, held);
    expect([first.add(Buffer.alloc(8)), held.bytes]).toEqual([undefined, 8]);
    expect(second.add(Buffer.alloc(3))).toMatchObject({ status: 429, retryAfterS: 1 });
    expect(held.bytes).toBe(8);
  });

  it("gives back what it took, once", () => {
    const held = createHeldBytes(100);
    const body = new HeldBody(limits, held);
    body.add(Buffer.alloc(60));
    body.release();
    body.release();
    expect(held.bytes).toBe(0);
  });

  const sizes = [
    { title: "one byte each", chunks: Array.from({ length: 50_000 }, () => 1), most: 25 },
    { title: "large ones", chunks: Array.from({ length: 10 }, () => 65_536), most: 10 },
    { title: "large and small ones in turn", chunks: [...Array(40).keys()].map((i) => (i % 2) * 9_999 + 1), most: 40 },
    { title: "small ones that just fill the buffer", chunks: Array.from({ length: 100 }, () => 4095), most: 50 },
  ];
  for (const { title, chunks, most } of sizes) {
    it(`keeps every byte in order in at most ${most} chunks: ${title}`, () => {
      const body = new HeldBody(limits, createHeldBytes(1e9));
      const sent = chunks.map((size, i) => Buffer.alloc(size, i % 251));
      for (const chunk of sent) expect(body.add(Buffer.from(chunk))).toBeUndefined();
      expect(Buffer.concat(body.end()).equals(Buffer.concat(sent))).toBe(true);
      expect(body.end().length).toBeLessThanOrEqual(most);
    });
  }
});
