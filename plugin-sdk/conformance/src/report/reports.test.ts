import { describe, expect, it } from "vitest";
import { rules } from "../catalogue.ts";
import type { RuleResult } from "../rule.ts";
import type { VerifyReport } from "../verify.ts";
import { toJsonReport } from "./json-report.ts";
import { toJunitReport } from "./junit-report.ts";
import { toTextReport } from "./text-report.ts";

const nasty = `<a & "b">\u0000\u001b[31m\ud800 'ü' 模型\n]]>`;

function result(index: number, outcome: RuleResult["outcome"], parts: Partial<RuleResult> = {}): RuleResult {
  return { rule: rules[index]!, outcome, remarks: [], finding: undefined, durationMs: 1.5, ...parts };
}

const report: VerifyReport = {
  plugin: "mine",
  version: "1.0.0",
  level: "session",
  types: ["short-queue"],
  seed: 42,
  results: [
    result(0, "passed"),
    result(1, "failed", { finding: { expected: nasty, came: "b", frame: nasty }, remarks: [nasty] }),
    result(2, "warned", { remarks: [nasty] }),
    result(3, "skipped", { remarks: ["C2 failed"] }),
    result(4, "skipped", { remarks: ["C2 failed"] }),
    result(6, "skipped", { remarks: ["C2 failed"] }),
  ],
  latency: { calls: 200, p50Ms: 0.2, p99Ms: 1.25, withinBudget: 0.995, budgetMs: 5 },
  durationMs: 3_200,
};

describe("the report as JUnit XML", () => {
  const xml = toJunitReport(report, nasty);

  it("holds nothing that XML has no character for", () => {
    expect(xml).toMatch(/^[\t\n\r\u{20}-\u{d7ff}\u{e000}-\u{fffd}\u{10000}-\u{10ffff}]*$/u);
  });

  it("closes every element that it opens, in order", () => {
    const open: string[] = [];
    for (const [, slash, name, rest] of xml.matchAll(/<(\/?)([\w-]+)((?:\s[\w-]+="[^"<]*")*)\s*\/?>/g)) {
      const isClosed = xml.includes(`<${name}${rest}/>`) && slash === "";
      if (slash === "/") expect(open.pop()).toBe(name);
      else if (!isClosed) open.push(name!);
    }
    expect(open).toEqual([]);
    const text = xml.replace(/<[^<>]*>/g, "");
    expect(text).not.toMatch(/[<>]|&(?!amp;|lt;|gt;|quot;|#10;)/);
  });

  it("counts as it lists", () => {
    expect(xml).toContain('tests="6" failures="1" errors="0" skipped="3"');
    expect(xml.match(/<testcase /g)).toHaveLength(6);
    expect(xml.match(/<failure /g)).toHaveLength(1);
    expect(xml.match(/<skipped /g)).toHaveLength(3);
    expect(xml.match(/<system-out>/g)).toHaveLength(1);
  });
});

describe("the report as JSON", () => {
  it("has what was found, and what to do about it", () => {
    const json = JSON.parse(toJsonReport(report, "node x.ts"));
    expect(json).toMatchObject({
      subject: "node x.ts",
      level: "session",
      seed: 42,
      passed: 1,
      failed: 1,
      warned: 1,
      skipped: 3,
    });
    expect(json.rules[1]).toMatchObject({
      id: "C2",
      outcome: "failed",
      expected: nasty,
      came: "b",
      remedy: rules[1]!.remedy,
    });
    expect(json.rules[0]).not.toHaveProperty("remedy");
  });

  it("is null where there is nothing", () => {
    const json = JSON.parse(toJsonReport({ ...report, latency: undefined, level: undefined }, ""));
    expect(json).toMatchObject({ latency: null, level: null });
  });
});

describe("the report for people", () => {
  it("gathers what was skipped, and sums up", () => {
    const text = toTextReport(report, "node x.ts");
    expect(text).toContain("mine 1.0.0, level session, types short-queue; seed 42");
    expect(text).toContain("  skip  C4–C5, C7: C2 failed\n");
    expect(text).toContain("6 rules: 1 passed, 1 failed, 1 warned, 3 skipped; 3.2 s");
    expect(text).toContain("200 calls: p50 0.20 ms, p99 1.25 ms, 99.5 % within 5 ms");
  });
});
