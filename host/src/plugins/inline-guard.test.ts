import { describe, expect, it } from "vitest";
import { createOverrunGuard, overrunLimits } from "./inline-guard.ts";

const budgetMs = 2;

/** Calls of these lengths, `gapMs` apart; the number of the one that disables it and why. */
function run(tookMs: readonly number[], gapMs = 10): { readonly at: number; readonly why: string } | undefined {
  const guard = createOverrunGuard(budgetMs, () => {});
  for (const [at, ms] of tookMs.entries()) {
    const why = guard.took(ms, at * gapMs);
    if (why !== undefined) return { at, why };
  }
  return undefined;
}

const repeat = (count: number, ...pattern: readonly number[]) => Array.from({ length: count }, () => pattern).flat();

describe("an inline plugin's guard", () => {
  const harmless = [
    { title: "one long pause of the host", calls: [0.1, 0.1, 4000, 0.1, 0.1] },
    { title: "a pause in every tenth call, for ever", calls: repeat(200, ...repeat(9, 0.1), 300) },
    { title: "four overruns in a row", calls: repeat(200, ...repeat(4, 9), ...repeat(36, 0.1)) },
    { title: "calls as long as the budget", calls: repeat(100, budgetMs) },
    { title: "few calls, most of them over", calls: [9, 0.1, 9, 0.1, 9, 0.1], gapMs: 3000 },
  ];
  for (const { title, calls, gapMs } of harmless) {
    it(`lets pass ${title}`, () => expect(run(calls, gapMs)).toBeUndefined());
  }

  it("disables what overruns five times in a row, and says what to do", () => {
    const { at, why } = run([0.1, 9, 0.1, 3, 4, 12.34, 5, 6, 0.1])!;
    expect(at).toBe(7);
    expect(why).toBe(
      "5 calls in a row held the host's event loop for more than its budget of 2 ms, up to 12.3 ms: " +
        'write "placement: worker" for it, or give it a larger budget',
    );
  });

  it("disables what overruns in more than a fifth of its calls", () => {
    const { at, why } = run(repeat(100, 0.1, 0.1, 0.1, 9))!;
    expect(at).toBeGreaterThanOrEqual(overrunLimits.leastCalls - 1);
    expect(why).toMatch(/^\d+ of \d+ calls within 10 s held/);
  });

  it("reports every overrun, and forgets them when it is told to", () => {
    const overruns: number[] = [];
    const guard = createOverrunGuard(budgetMs, (tookMs) => overruns.push(tookMs));
    for (const ms of [1, 3, 4, 5, 6]) expect(guard.took(ms, 0)).toBeUndefined();
    expect(overruns).toEqual([3, 4, 5, 6]);
    guard.reset();
    expect(guard.took(7, 1)).toBeUndefined();
  });
});
