import { expect, it } from "vitest";
import { createHeldBytes } from "./held-bytes.ts";

it("holds up to its bound, and again what was given back", () => {
  const held = createHeldBytes(100);
  expect([held.take(60), held.take(41), held.take(40), held.take(1)]).toEqual([true, false, true, false]);
  held.give(60);
  expect([held.bytes, held.take(60), held.bytes]).toEqual([40, true, 100]);
});
