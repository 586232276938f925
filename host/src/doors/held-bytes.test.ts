import { expect, it } from "vitest";
import { createHeldBytes } from "./held-bytes.ts";

it("holds up to its bound, and again what was given back", () => {
  const held = createHeldBytes(100);
  expect([held.take(60), held.take(41), held.take(40), held.take(1)]).toEqual([true, false, true, false]);
  held.give(60);
  expect([held.bytes, held.take(60), held.bytes]).toEqual([40, true, 100]);
});

it("holds beyond its bound what cannot be refused, and nothing else until that is given back", () => {
  const held = createHeldBytes(100);
  held.keep(150);
  expect([held.bytes, held.take(1)]).toEqual([150, false]);
  held.give(150);
  expect(held.take(100)).toBe(true);
});
