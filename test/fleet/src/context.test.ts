import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createContext } from "./context.ts";

const block = 16;

describe("a context", () => {
  const lengths = [
    { title: "nothing is one token", prompt: "", want: 1 },
    { title: "four characters are one token", prompt: "abcd", want: 1 },
    { title: "a rest counts as a token", prompt: "abcde", want: 2 },
    { title: "characters beyond ASCII count by their bytes", prompt: "äöüß", want: 2 },
    { title: "token ids count one each", prompt: Int32Array.from([7, 8, 9]), want: 3 },
  ];
  for (const { title, prompt, want } of lengths) {
    it(title, () => expect(createContext(prompt, 1, block, "").promptTokens).toBe(want));
  }

  it("has an answer of four ASCII characters a token, the same for the same prompt", () => {
    const [one, other] = [createContext("ask", 50, block, ""), createContext("ask", 50, block, "")];
    expect(one.answer(0, 50)).toMatch(/^([a-z]{3} ){50}$/);
    expect(one.answer(0, 50)).toBe(other.answer(0, 50));
    expect(one.answer(0, 10) + one.answer(10, 50)).toBe(one.answer(0, 50));
  });

  it("has different answers for different prompts", () => {
    expect(createContext("ask", 50, block, "").answer(0, 50)).not.toBe(
      createContext("tell", 50, block, "").answer(0, 50),
    );
  });

  it("has no key in common with equal text under another seed", () => {
    const [one, other] = ["a", "b"].map((seed) => new Set(createContext("x".repeat(640), 1, block, seed).blockKeys));
    expect(one.intersection(other).size).toBe(0);
  });

  it("shares keys exactly as far as two texts agree in whole blocks", () => {
    const texts = fc.tuple(fc.string({ maxLength: 400 }), fc.string({ maxLength: 200 }), fc.string({ maxLength: 200 }));
    fc.assert(fc.property(texts, ([start, a, b]) => checkSharing(start + a, start + b)));
  });

  it("finds an answer again in the next turn", () => {
    const first = createContext("question ".repeat(20), 40, block, "");
    const next = createContext(`${"question ".repeat(20)}${first.answer(0, 40)} and then?`, 1, block, "");
    expect(next.blockKeys.subarray(0, first.blockKeys.length)).toEqual(first.blockKeys);
  });

  it("keeps the keys of a long prompt apart", () => {
    const keys = createContext("0123456789abcde".repeat(200_000), 1, 4, "").blockKeys;
    expect(keys.length).toBeGreaterThan(180_000);
    expect(new Set(keys).size).toBe(keys.length);
    expect(keys.every((key) => Number.isSafeInteger(key) && key >= 0)).toBe(true);
  });
});

function checkSharing(one: string, other: string): void {
  const bytes = [one, other].map((text) => Buffer.from(text));
  const length = Math.min(bytes[0].length, bytes[1].length);
  let agree = 0;
  while (agree < length && bytes[0][agree] === bytes[1][agree]) agree += 1;
  const [a, b] = [one, other].map((text) => createContext(text, 1, block, "").blockKeys);
  const blocks = Math.floor(agree / (block * 4));
  expect(a.subarray(0, blocks)).toEqual(b.subarray(0, blocks));
  if (one !== other) for (const key of a.subarray(blocks + 1)) expect(b.includes(key)).toBe(false);
}
