import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createRandom } from "../contract/index.ts";
import { createModelRewrites, type RewriteRule, type RewriteTarget } from "./model-rewrites.ts";

const never = () => {
  throw new Error("randomness was asked for");
};

function ruleOf(name: string, models: readonly string[], ...targets: readonly (string | RewriteTarget)[]): RewriteRule {
  return { name, models, targets: targets.map((target) => (typeof target === "string" ? { model: target } : target)) };
}

/** Shares of the targets in many choices. */
function sharesOf(targets: readonly RewriteTarget[], draws = 20_000): readonly number[] {
  const rewriteOf = createModelRewrites([{ name: "r", models: ["m"], targets }]);
  const random = createRandom(7);
  const counts = new Map<string, number>();
  for (let i = 0; i < draws; i++) {
    const model = rewriteOf("m", random)?.model ?? "";
    counts.set(model, (counts.get(model) ?? 0) + 1);
  }
  return targets.map(({ model }) => (counts.get(model) ?? 0) / draws);
}

describe("bad input", () => {
  const none = [
    { title: "no rules", rules: [] },
    { title: "a rule for another model", rules: [ruleOf("r", ["m2"], "t")] },
    { title: "a rule for the model in another case", rules: [ruleOf("r", ["M"], "t")] },
    { title: "a rule for a model of which it is the beginning", rules: [ruleOf("r", ["m-2"], "t")] },
    { title: "a rule without targets", rules: [ruleOf("r", ["m"])] },
  ];
  for (const { title, rules } of none) {
    it(`rewrites nothing with ${title}`, () => expect(createModelRewrites(rules)("m", never)).toBeUndefined());
  }

  const weights = [0, -1, Number.NaN, Number.POSITIVE_INFINITY, undefined];
  for (const weight of weights) {
    it(`takes a weight of ${weight} for none`, () => {
      expect(
        sharesOf(
          [
            { model: "a", weight },
            { model: "b", weight: 0.001 },
          ],
          500,
        ),
      ).toEqual([0, 1]);
      const [a, b] = sharesOf([{ model: "a", weight }, { model: "b" }]);
      expect(a).toBeCloseTo(0.5, 1);
      expect(b).toBeCloseTo(0.5, 1);
    });
  }

  it("does not overflow with huge weights", () => {
    const [a, b] = sharesOf([
      { model: "a", weight: Number.MAX_VALUE },
      { model: "b", weight: Number.MAX_VALUE },
    ]);
    expect(a).toBeCloseTo(0.5, 1);
    expect(b).toBeCloseTo(0.5, 1);
  });
});

describe("the rule", () => {
  const cases = [
    { title: "that names the model", rules: [ruleOf("r", ["x", "m"], "t")], want: { rule: "r", model: "t" } },
    {
      title: "that names it, before one that names none and stands first",
      rules: [ruleOf("any", [], "other"), ruleOf("exact", ["m"], "t")],
      want: { rule: "exact", model: "t" },
    },
    {
      title: "that names it first",
      rules: [ruleOf("one", ["m"], "t1"), ruleOf("two", ["m"], "t2")],
      want: { rule: "one", model: "t1" },
    },
    {
      title: "that names none, the first of them",
      rules: [ruleOf("x", ["x"], "tx"), ruleOf("one", [], "t1"), ruleOf("two", [], "t2")],
      want: { rule: "one", model: "t1" },
    },
  ];
  for (const { title, rules, want } of cases) {
    it(`is the one ${title}`, () => expect(createModelRewrites(rules)("m", never)).toEqual(want));
  }

  it("that names none is for requests without a model too", () => {
    expect(createModelRewrites([ruleOf("any", [], "t")])("", never)).toEqual({ rule: "any", model: "t" });
    expect(createModelRewrites([ruleOf("r", ["m"], "t")])("", never)).toBeUndefined();
  });

  it("is chosen as by going through the list", () => {
    const name = fc.constantFrom("a", "b", "c", "");
    const rule = fc.record({
      name: fc.string(),
      models: fc.array(name, { maxLength: 3 }),
      targets: fc.array(fc.record({ model: name }), { minLength: 1, maxLength: 1 }),
    });
    fc.assert(
      fc.property(fc.array(rule, { maxLength: 6 }), name, (rules, model) => {
        const counting =
          rules.find(({ models }) => models.includes(model)) ??
          rules.find(({ models }) => !models[0] && models.length === 0);
        const want = counting && { rule: counting.name, model: counting.targets[0]!.model };
        expect(createModelRewrites(rules)(model, never)).toEqual(want);
      }),
    );
  });
});

describe("the targets", () => {
  it("get requests in proportion to their weights", () => {
    const targets = [
      { model: "a", weight: 70 },
      { model: "b", weight: 30 },
    ];
    const [a, b] = sharesOf(targets);
    expect(a).toBeCloseTo(0.7, 1);
    expect(b).toBeCloseTo(0.3, 1);
  });

  it("get as many each without weights", () => {
    for (const share of sharesOf([{ model: "a" }, { model: "b" }, { model: "c" }])) expect(share).toBeCloseTo(1 / 3, 1);
  });

  it("without a weight get none beside those with one", () => {
    expect(sharesOf([{ model: "a" }, { model: "b", weight: 1 }, { model: "c" }], 500)).toEqual([0, 1, 0]);
  });

  it("are chosen where the number falls on the line of their weights", () => {
    const target = fc.record({
      model: fc.uuid(),
      weight: fc.option(fc.integer({ min: 0, max: 1_000_000 }), { nil: undefined }),
    });
    const number = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    fc.assert(
      fc.property(
        fc.uniqueArray(target, { selector: ({ model }) => model, minLength: 1, maxLength: 8 }),
        number,
        (targets, at) => {
          const chosen = createModelRewrites([{ name: "r", models: [], targets }])("m", () => at)?.model;
          const isWeighted = targets.some(({ weight = 0 }) => weight > 0);
          const weights = targets.map(({ weight = 0 }) => (isWeighted ? weight : 1));
          const total = weights.reduce((sum, weight) => sum + weight, 0);
          const index = targets.findIndex(({ model }) => model === chosen);
          const before = weights.slice(0, index).reduce((sum, weight) => sum + weight, 0);
          expect(weights[index]).toBeGreaterThan(0);
          expect(at * total).toBeGreaterThanOrEqual(before - 1e-6 * total);
          expect(at * total).toBeLessThanOrEqual(before + weights[index]! + 1e-6 * total);
        },
      ),
    );
  });

  it("ask for a number once where there are several, so that a seed decides", () => {
    let asked = 0;
    const random = () => asked++ * 0 + 0.999999;
    const rewriteOf = createModelRewrites([ruleOf("r", ["m"], "a", "b")]);
    expect([rewriteOf("m", random)?.model, asked]).toEqual(["b", 1]);
  });
});
