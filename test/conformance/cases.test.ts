import { readFileSync } from "node:fs";
import { beforeAll, describe, expect, it } from "vitest";
import { parseCaseFile } from "./case-file.ts";
import { deviations } from "./deviations.ts";
import { features } from "./features.ts";
import { runCases } from "./run-cases.ts";
import { summarize } from "./summary.ts";
import type { CaseResult } from "./verdict.ts";

/** Fewest of the kept cases that have to pass. */
const fewestPasses = 160;

describe("the reference's cases", () => {
  const file = parseCaseFile(readFileSync(new URL("cases.json", import.meta.url), "utf8"));
  let results: readonly CaseResult[] = [];
  const withStatus = (status: string) => results.filter((result) => result.status === status);
  beforeAll(async () => {
    results = await runCases(file);
  });

  it("have a result each, in their order", () => {
    expect(results.map(({ id }) => id)).toEqual(file.cases.map(({ id }) => id));
  });

  it("never fail", () => {
    expect(withStatus("fail")).toEqual([]);
  });

  it("pass in numbers", () => {
    expect(withStatus("pass").length).toBeGreaterThanOrEqual(fewestPasses);
  });

  it("differ only by a known defect of the reference or by their own note", () => {
    const names = Object.keys(summarize(results).differs);
    expect(names.filter((name) => !(name in deviations) && name !== "the case's note")).toEqual([]);
    for (const text of Object.values(deviations)) expect(text).toMatch(/^⚠ /);
  });

  it("do not apply only where a known feature is not there", () => {
    const names = Object.keys(summarize(results).notApplicable);
    expect(names.filter((name) => !(name in features))).toEqual([]);
  });

  it("differ and do not apply as they did when this was last reviewed", async () => {
    const text = `${JSON.stringify(summarize(results), null, 2)}\n`;
    await expect(text).toMatchFileSnapshot("cases.golden.json");
  });
});
