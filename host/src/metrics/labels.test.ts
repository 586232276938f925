import { describe, expect, it } from "vitest";
import { createLabelBudget, labelValue, maxLabelBytes } from "./labels.ts";

const bytesOf = (text: string) => Buffer.byteLength(text);

describe("labelValue", () => {
  const cases: readonly { title: string; value: string | Uint8Array; want: string }[] = [
    {
      title: "keeps a model's name",
      value: "meta-llama/Llama-3.1-8B-Instruct",
      want: "meta-llama/Llama-3.1-8B-Instruct",
    },
    { title: "keeps an empty value", value: "", want: "" },
    { title: "replaces bytes that are not UTF-8", value: Buffer.from("a\xff\xfeb", "latin1"), want: "a\ufffd\ufffdb" },
    { title: "replaces half a surrogate pair", value: "a\ud800b", want: "a\ufffdb" },
    { title: "replaces control characters", value: "a\n\0\x7fb", want: "a\ufffd\ufffd\ufffdb" },
    { title: "keeps letters of other scripts", value: "模型", want: "模型" },
    { title: "keeps exactly as much as fits", value: "x".repeat(64), want: "x".repeat(64) },
    { title: "cuts what is longer", value: "x".repeat(65), want: `${"x".repeat(61)}…` },
    { title: "never cuts inside of a character", value: "模".repeat(30), want: `${"模".repeat(20)}…` },
    { title: "never cuts inside of a surrogate pair", value: "😀".repeat(30), want: `${"😀".repeat(15)}…` },
  ];
  for (const { title, value, want } of cases) it(title, () => expect(labelValue(value)).toBe(want));

  for (const [what, value] of Object.entries({
    text: "m".repeat(1_000_000),
    bytes: Buffer.alloc(1_000_000, 0xe6),
    "wide text": "😀".repeat(500_000),
  })) {
    it(`cuts 1 MB of ${what} to the limit`, () => {
      const label = labelValue(value);
      expect(bytesOf(label)).toBeLessThanOrEqual(maxLabelBytes);
      expect(label.isWellFormed()).toBe(true);
    });
  }
});

describe("createLabelBudget", () => {
  it("admits as many values as allowed, and these for ever", () => {
    const budget = createLabelBudget(2);
    expect(["a", "b", "c", "a", "d", "b"].map((value) => budget.admit(value))).toEqual([
      "a",
      "b",
      "other",
      "a",
      "other",
      "b",
    ]);
  });

  it("stays bounded whatever is sent", () => {
    const budget = createLabelBudget(100);
    const labels = new Set(Array.from({ length: 10_000 }, (_, i) => budget.admit(`model-${i}-${"x".repeat(i)}`)));
    expect(labels.size).toBe(101);
  });
});
