import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { combineScores, type Rating } from "./combine-scores.ts";

const NONE = Number.NaN;
/** Factor between totals that differ by more than the rounding of what different candidates were rated by. */
const NEARLY = 1 + 1e-12;
const rated = (weight: number, scores: readonly number[]): Rating => ({ weight, scores: Float32Array.from(scores) });
const absent = (weight: number): Rating => ({ weight, scores: new Float32Array(0) });

const cases = [
  { title: "adds weighted scores", ratings: [rated(3, [1, 0]), rated(1, [0, 1])], want: [3, 1] },
  { title: "keeps the others' ratio when a scorer is missing", ratings: [rated(3, [1, 0]), absent(9)], want: [12, 0] },
  { title: "ties all candidates when nobody answered", ratings: [absent(1), absent(2)], want: [0, 0] },
  { title: "ties all candidates when there is no scorer", ratings: [], want: [0, 0] },
  {
    title: "counts an abstention as the others' mean",
    ratings: [rated(1, [0.5, 0.5]), rated(1, [NONE, 1])],
    want: [1, 1.5],
  },
  {
    title: "gives 0 to a candidate nobody rated",
    ratings: [rated(1, [NONE, 1]), rated(2, [NONE, NONE])],
    want: [0, 3],
  },
  {
    title: "scales by those who answered and by those who rated",
    ratings: [rated(1, [0.5, NONE]), rated(1, [1, 1]), absent(2)],
    want: [3, 4],
  },
];
describe("combining scores", () => {
  for (const { title, ratings, want } of cases) it(title, () => expect([...combineScores(ratings, 2)]).toEqual(want));
});

const score = fc.oneof({ weight: 4, arbitrary: fc.float({ min: 0, max: 1, noNaN: true }) }, fc.constant(NONE));
const weight = fc.double({ min: 1e-6, max: 1e6, noNaN: true });
const columns = fc.integer({ min: 1, max: 12 }).chain((count) =>
  fc
    .array(
      fc.record({
        weight,
        scores: fc.oneof(fc.array(score, { minLength: count, maxLength: count }), fc.constant([])),
      }),
      { maxLength: 6 },
    )
    .map((ratings) => ({ count, ratings: ratings.map((rating) => rated(rating.weight, rating.scores)) })),
);

describe("totals", () => {
  it("are W · Σ(w·s) ÷ Σ(w) in 64 bits over those who rated, the plain sum where all did", () => {
    fc.assert(
      fc.property(columns, ({ count, ratings }) => {
        const full = ratings.reduce((sum, { weight }) => sum + weight, 0);
        const totals = combineScores(ratings, count);
        for (let i = 0; i < count; i++) {
          const raters = ratings.filter(({ scores }) => scores.length > 0 && !Number.isNaN(scores[i]));
          const sum = raters.reduce((total, { weight, scores }) => total + weight * scores[i], 0);
          const shared = raters.reduce((total, { weight }) => total + weight, 0);
          const want = raters.length === 0 ? 0 : raters.length === ratings.length ? sum : (full * sum) / shared;
          expect(totals[i]).toBe(want);
        }
      }),
    );
  });

  it("are finite, and between 0 and the sum of the weights but for rounding", () => {
    fc.assert(
      fc.property(columns, ({ count, ratings }) => {
        const full = ratings.reduce((sum, { weight }) => sum + weight, 0);
        for (const total of combineScores(ratings, count)) {
          expect(total).toBeGreaterThanOrEqual(0);
          expect(total).toBeLessThanOrEqual(full * (1 + 1e-9));
        }
      }),
    );
  });

  it("rank as the others rank when a scorer is missing for all", () => {
    fc.assert(
      fc.property(columns, weight, fc.nat(6), ({ count, ratings }, missing, at) => {
        const [without, withMissing] = [ratings, ratings.toSpliced(at, 0, absent(missing))].map((all) =>
          combineScores(all, count),
        );
        for (let i = 0; i < count; i++) {
          for (let k = 0; k < count; k++) {
            if (without[i] > without[k] * NEARLY) expect(withMissing[i]).toBeGreaterThanOrEqual(withMissing[k]);
          }
        }
      }),
    );
  });
});
