import { expect, it } from "vitest";
import { positionOf } from "./candidate-set.ts";

const cases = [
  { slots: [], slot: 0, want: -1 },
  { slots: [7], slot: 7, want: 0 },
  { slots: [7], slot: 6, want: -1 },
  { slots: [0, 2, 5, 9], slot: 0, want: 0 },
  { slots: [0, 2, 5, 9], slot: 5, want: 2 },
  { slots: [0, 2, 5, 9], slot: 9, want: 3 },
  { slots: [0, 2, 5, 9], slot: 3, want: -1 },
  { slots: [0, 2, 5, 9], slot: 10, want: -1 },
  { slots: [0, 2, 5, 9], slot: -1, want: -1 },
];
for (const { slots, slot, want } of cases) {
  it(`finds slot ${slot} of [${slots}] at ${want}`, () => expect(positionOf(Uint32Array.from(slots), slot)).toBe(want));
}
