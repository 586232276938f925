import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  findLabelKeyFault,
  findLabelValueFault,
  findRequirementFault,
  type LabelRequirement,
  matchesLabels,
  toLabelSelector,
} from "./label-selector.ts";
import { parseSelectorText } from "./selector-text.ts";

describe("findRequirementFault", () => {
  const faults: readonly { given: LabelRequirement; says: string }[] = [
    { given: { key: "a", operator: "In", values: [] }, says: "In needs values" },
    { given: { key: "a", operator: "NotIn", values: [] }, says: "NotIn needs values" },
    { given: { key: "a", operator: "Exists", values: ["x"] }, says: "Exists takes no values" },
    { given: { key: "a", operator: "DoesNotExist", values: ["x"] }, says: "DoesNotExist takes no values" },
    { given: { key: "", operator: "Exists", values: [] }, says: 'no label has the name ""' },
    { given: { key: "a", operator: "In", values: ["ok", "not ok"] }, says: 'no label has the value "not ok"' },
  ];
  for (const { given, says } of faults) {
    it(`says ${says}`, () => expect(findRequirementFault(given)).toBe(says));
  }

  it("finds nothing wrong with a whole condition", () => {
    expect(findRequirementFault({ key: "llm-d.ai/role", operator: "In", values: ["decode", ""] })).toBeUndefined();
  });

  for (const key of [
    "-a",
    "a-",
    "a b",
    "a/b/c",
    "/a",
    "a/",
    "A.b/c",
    "a..b/c",
    "é",
    "x".repeat(64),
    `${"x".repeat(254)}/a`,
  ]) {
    it(`knows that ${key.slice(0, 20)} names no label`, () => expect(findLabelKeyFault(key)).toBeDefined());
  }
  for (const key of ["a", "A_b.c-9", "x".repeat(63), "a.b-c.d/E", `${"x".repeat(253)}/a`]) {
    it(`knows that ${key.slice(0, 20)} names a label`, () => expect(findLabelKeyFault(key)).toBeUndefined());
  }
  for (const value of ["-", "a/b", "x".repeat(64), "a b"]) {
    it(`knows that ${value.slice(0, 20)} is no value`, () => expect(findLabelValueFault(value)).toBeDefined());
  }
});

describe("matchesLabels", () => {
  const labels = { role: "decode", gpu: "H100" };
  const cases: readonly { requirement: LabelRequirement; matches: boolean }[] = [
    { requirement: { key: "role", operator: "In", values: ["prefill", "decode"] }, matches: true },
    { requirement: { key: "role", operator: "In", values: ["prefill"] }, matches: false },
    { requirement: { key: "zone", operator: "In", values: ["a"] }, matches: false },
    { requirement: { key: "role", operator: "NotIn", values: ["prefill"] }, matches: true },
    { requirement: { key: "role", operator: "NotIn", values: ["decode"] }, matches: false },
    { requirement: { key: "zone", operator: "NotIn", values: ["a"] }, matches: true },
    { requirement: { key: "gpu", operator: "Exists", values: [] }, matches: true },
    { requirement: { key: "zone", operator: "Exists", values: [] }, matches: false },
    { requirement: { key: "toString", operator: "Exists", values: [] }, matches: false },
    { requirement: { key: "zone", operator: "DoesNotExist", values: [] }, matches: true },
    { requirement: { key: "gpu", operator: "DoesNotExist", values: [] }, matches: false },
  ];
  for (const { requirement, matches } of cases) {
    const { key, operator, values } = requirement;
    it(`${matches ? "matches" : "does not match"} ${key} ${operator} ${values.join(" ")}`, () =>
      expect(matchesLabels(labels, [requirement])).toBe(matches));
  }

  it("demands all pairs and expressions, and nothing of everything without any", () => {
    const selector = (gpu: string) =>
      toLabelSelector({ matchLabels: { gpu }, matchExpressions: [{ key: "role", operator: "Exists", values: [] }] });
    expect(matchesLabels(labels, selector("H100"))).toBe(true);
    expect(matchesLabels(labels, selector("L4"))).toBe(false);
    expect(matchesLabels({ gpu: "H100" }, selector("H100"))).toBe(false);
    expect(matchesLabels({}, toLabelSelector({ matchLabels: {}, matchExpressions: [] }))).toBe(true);
  });

  const word = fc.stringMatching(/^[a-z]{1,3}$/);
  const requirements = fc.oneof(
    fc.record({
      key: word,
      operator: fc.constantFrom("In", "NotIn"),
      values: fc.uniqueArray(word, { minLength: 1, maxLength: 3 }),
    }),
    fc.record({ key: word, operator: fc.constantFrom("Exists", "DoesNotExist"), values: fc.constant([]) }),
  );
  const opposites = { In: "NotIn", NotIn: "In", Exists: "DoesNotExist", DoesNotExist: "Exists" } as const;

  it("gives the opposite answer to the opposite condition", () => {
    fc.assert(
      fc.property(fc.dictionary(word, word), requirements, (given, requirement) => {
        const opposite = { ...requirement, operator: opposites[requirement.operator] };
        expect(matchesLabels(given, [requirement])).toBe(!matchesLabels(given, [opposite]));
      }),
    );
  });

  it("matches a list where it matches each of it", () => {
    fc.assert(
      fc.property(fc.dictionary(word, word), fc.array(requirements, { maxLength: 4 }), (given, selector) => {
        expect(matchesLabels(given, selector)).toBe(selector.every((each) => matchesLabels(given, [each])));
      }),
    );
  });

  it("reads back what is written in one line", () => {
    fc.assert(
      fc.property(fc.array(requirements, { maxLength: 4 }), (selector) => {
        expect(parseSelectorText(selector.map(toText).join(", "))).toEqual({ kind: "parsed", selector });
      }),
    );
  });

  function toText({ key, operator, values }: LabelRequirement): string {
    if (operator === "Exists") return key;
    if (operator === "DoesNotExist") return `!${key}`;
    return `${key} ${operator.toLowerCase()} (${values.join(",")})`;
  }
});

describe("parseSelectorText", () => {
  const wrong = [
    "a=b=c",
    "a in",
    "a in ()",
    "a in b",
    "a in (b",
    "a in b)",
    "a,",
    ",",
    "=b",
    "!",
    "a b",
    "a!",
    "()",
    "a=(b)",
  ];
  for (const text of wrong) {
    it(`refuses ${text}`, () => expect(parseSelectorText(text).kind).toBe("wrong"));
  }
  it("names what is wrong", () => {
    expect(parseSelectorText("a=b,c d")).toEqual({ kind: "wrong", fault: "condition 2 is none: c d" });
    expect(parseSelectorText("a=b,c=-")).toEqual({ kind: "wrong", fault: 'no label has the value "-"' });
  });

  const right: readonly { text: string; want: readonly (readonly [string, string, readonly string[]])[] }[] = [
    { text: "", want: [] },
    { text: "a", want: [["a", "Exists", []]] },
    { text: " !a ", want: [["a", "DoesNotExist", []]] },
    { text: "a=b", want: [["a", "In", ["b"]]] },
    { text: "a == b", want: [["a", "In", ["b"]]] },
    { text: "a=", want: [["a", "In", [""]]] },
    { text: "a!=b", want: [["a", "NotIn", ["b"]]] },
    {
      text: "x/a=b,c in (d, e),f notin(g),!h,i",
      want: [
        ["x/a", "In", ["b"]],
        ["c", "In", ["d", "e"]],
        ["f", "NotIn", ["g"]],
        ["h", "DoesNotExist", []],
        ["i", "Exists", []],
      ],
    },
  ];
  for (const { text, want } of right) {
    it(`reads ${text || "nothing"}`, () => {
      const selector = want.map(([key, operator, values]) => ({ key, operator, values }));
      expect(parseSelectorText(text)).toEqual({ kind: "parsed", selector });
    });
  }

  it("answers to any text in time that grows with it", () => {
    fc.assert(fc.property(fc.string({ maxLength: 200 }), (text) => void parseSelectorText(text)));
    expect(parseSelectorText("(".repeat(100_000)).kind).toBe("wrong");
    expect(parseSelectorText(`a${" ".repeat(100_000)}b`).kind).toBe("wrong");
  });
});
