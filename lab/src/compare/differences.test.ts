import { createRandom } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { madeSummary } from "../report/fixtures/made-runs.ts";
import type { ReportRun } from "../report/index.ts";
import type { RunSummary } from "../results/index.ts";
import { toDifferences } from "./differences.ts";
import { toFindings } from "./verdict.ts";

const base = madeSummary(1);

const cases = [
  {
    title: "no difference shown where the interval includes 0",
    a: [10, 12, 11, 9],
    b: [11, 11, 12, 9],
    want: "not_shown",
  },
  { title: "better where all pairs are lower", a: [10, 12, 11, 9], b: [8, 9.5, 9, 7.1], want: "better" },
  { title: "worse where all pairs are higher", a: [10, 12, 11, 9], b: [12, 14.5, 13, 11.2], want: "worse" },
  { title: "nothing by one pair, however far apart", a: [10], b: [1], want: "one_pair" },
  { title: "the same where all numbers are", a: [10, 12], b: [10, 12], want: "same" },
  { title: "nothing beyond these requests where pairs do not vary", a: [10, 10, 10], b: [9, 9, 9], want: "unvarying" },
  { title: "pairs only of seeds that both tell", a: [10, null, 12], b: [null, 11, 12], want: "one_pair" },
] as const;

describe("differences", () => {
  for (const { title, a, b, want } of cases) {
    it(`show ${title}`, () => {
      const [difference] = toDifferences(runsOf(a, b)).filter(({ metric }) => metric === "ttft-mean");
      expect(difference?.showing).toBe(want);
    });
  }

  it("are none of no runs, of one policy, or where nobody tells", () => {
    expect(toDifferences([])).toEqual([]);
    expect(toDifferences(runsOf([1, 2], []))).toEqual([]);
    expect(toDifferences(runsOf([null], [null])).filter(({ metric }) => metric === "ttft-mean")).toEqual([]);
  });

  it("take a difference of quantiles for nothing that is smaller than they are exact", () => {
    const runs = [1000, 1001, 1002].flatMap((p90, seed) => [
      run("a", seed, (all) => ({ ttftMs: { ...all.ttftMs, p90 } })),
      run("b", seed, (all) => ({ ttftMs: { ...all.ttftMs, p90: p90 + 1.5 + 0.1 * seed } })),
    ]);
    const [difference] = toDifferences(runs).filter(({ metric }) => metric === "ttft-p90");
    expect(difference?.showing).toBe("not_shown");
  });

  it("hold the true difference in about 95 of 100 comparisons", () => {
    const random = createRandom(7);
    const normal = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    let held = 0;
    for (let i = 0; i < 1000; i++) {
      const a = Array.from({ length: 5 }, () => 100 + 10 * normal());
      const runs = runsOf(
        a,
        a.map((value) => value + 3 + 5 * normal()),
      );
      const [difference] = toDifferences(runs).filter(({ metric }) => metric === "ttft-mean");
      if (difference!.low! <= 3 && difference!.high! >= 3) held++;
    }
    expect(held).toBeGreaterThan(925);
    expect(held).toBeLessThan(975);
  });
});

describe("findings", () => {
  const sentence = (runs: readonly ReportRun[], word: string) =>
    toFindings(runs, toDifferences(runs))
      .filter((line) => line.includes(word))
      .join("\n");

  it("name figure, rate, size and interval", () => {
    const line = sentence(runsOf([10, 12, 11, 9], [8, 9.5, 9, 7.1]), "TTFT, mean");
    expect(line).toMatch(
      /^b against a, TTFT, mean \(lower is better\): better at 5\/s by −2\.1 ms \(4 pairs, 95 % interval −2\.\d+ to −1\.\d+, −20 %\)\.$/,
    );
  });

  it("say that no difference is shown where the interval includes 0", () => {
    const line = sentence(runsOf([10, 12, 11, 9], [11, 11, 12, 9]), "TTFT, mean");
    expect(line).toContain("no difference shown at 5/s by +0.25 ms (4 pairs, 95 % interval −");
    expect(line).not.toMatch(/better at|worse at/);
  });

  it("tell what is always the same in one sentence", () => {
    const line = sentence(runsOf([10, 12], [10, 12]), "the same number in every run at every rate");
    expect(line).toMatch(/^b against a, .*: Output throughput; .*TTFT, mean; .*Prefix hit rate; .*Decision/);
  });

  it("show nothing by one seed", () => {
    expect(sentence(runsOf([10], [1]), "TTFT, mean")).toContain("nothing shown by a single pair at 5/s");
  });

  it("warn of chance among many intervals, and of recorded requests", () => {
    const lines = toFindings(runsOf([10, 12], [11, 11]), toDifferences(runsOf([10, 12], [11, 11]))).join("\n");
    expect(lines).toContain("by chance");
    expect(lines).toContain("Seeds did not vary the requests at 5/s");
  });

  it("warn where latencies are not of the same requests", () => {
    const runs = [1, 2].flatMap((seed) => [run("a", seed, () => ({})), run("b", seed, () => ({ successShare: 0.5 }))]);
    expect(sentence(runs, "Success differs")).toContain("b at 5/s");
  });
});

function runsOf(a: readonly (number | null)[], b: readonly (number | null)[]): readonly ReportRun[] {
  return [a, b].flatMap((means, i) =>
    means.map((mean, seed) => run("ab"[i] ?? "", seed, (all) => ({ ttftMs: { ...all.ttftMs, mean } }))),
  );
}

function run(policy: string, seed: number, change: (all: RunSummary["all"]) => Partial<RunSummary["all"]>): ReportRun {
  const summary = { ...base, scenario: { ...base.scenario, seed }, all: { ...base.all, ...change(base.all) } };
  return { policy, ratePerSecond: 5, summary };
}
