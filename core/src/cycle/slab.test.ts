import { expect, it } from "vitest";
import { newDoubles, newFloats } from "./slab.ts";

it("gives arrays that are zero and share no byte, of any length, whatever was written to the others", () => {
  const given: (Float32Array | Float64Array)[] = [];
  for (let i = 0; i < 2_000; i++) {
    const length = i % 97 === 0 ? 20_000 : (i * 7) % 301;
    const array = i % 3 === 0 ? newDoubles(length) : newFloats(length);
    expect(array).toHaveLength(length);
    expect(array.every((value) => value === 0)).toBe(true);
    given.push(array.fill(i + 1));
  }
  for (const [i, array] of given.entries()) expect(array.every((value) => value === i + 1)).toBe(true);
});
