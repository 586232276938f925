import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createResults, type RunSummary } from "@outrider/lab/results";
import { loadScenario } from "@outrider/lab/scenario";
import { runScenario } from "@outrider/lab/simulation";
import { plugins } from "outrider/plugins";
import { describe, expect, it } from "vitest";
import { type PublishedRun, publishedLadder } from "./published.ts";

const folder = fileURLToPath(new URL("../../../examples/lab", import.meta.url));
const name = `${folder}/published-ladder.yaml`;
const bytes = readFileSync(name);

/** Seeds vary how many requests a stage has (60 ± 8 at 3 req/s, where all published runs have 60): hence a mean. */
const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
/** How far a simulated figure may be off the published one, as a share of it. */
const bounds = { throughput: 0.15, ttft: 0.25 } as const;

describe("the published ladder, simulated", { timeout: 600_000 }, () => {
  const rows: string[] = [];
  for (const [policy, runs] of Object.entries(publishedLadder)) {
    for (const published of runs) {
      it(`${policy} at ${published.rate} req/s is within its bounds`, async () => {
        const summaries = await Promise.all(seeds.map((seed) => simulate(policy, published, seed)));
        const throughput = meanOf(summaries, ({ all }) => all.throughput.outputTokensPerSecond);
        const ttftMs = meanOf(summaries, ({ all }) => all.ttftMs.mean);
        const [throughputError, ttftError] = [
          throughput / published.outputTokensPerSecond - 1,
          ttftMs / published.ttftMs - 1,
        ];
        rows.push(rowOf(policy, published, { throughput, throughputError, ttftMs, ttftError }));
        expect(summaries.every(({ all }) => all.successShare === 1)).toBe(true);
        expect(Math.abs(throughputError)).toBeLessThanOrEqual(bounds.throughput);
        if (policy === "round-robin") expect(Math.abs(ttftError)).toBeLessThanOrEqual(bounds.ttft);
      });
    }
  }

  it("is what docs/experiment.md shows", () => {
    const page = readFileSync(new URL("../../../docs/experiment.md", import.meta.url), "utf8");
    expect(rows).toHaveLength(Object.values(publishedLadder).flat().length);
    expect(rows.filter((row) => !page.includes(row))).toEqual([]);
  });
});

async function simulate(policy: string, { rate, forS }: PublishedRun, seed: number): Promise<RunSummary> {
  const result = await loadScenario({ name, bytes, folder }, [
    { path: ["config"], value: `policies/${policy}.yaml` },
    { path: ["seed"], value: seed },
    { path: ["workload", "arrivals", "stages", 2], value: { rate, for: `${forS}s` } },
  ]);
  if (result.kind === "invalid") throw new Error(JSON.stringify(result.faults));
  const observer = createResults(result.scenario);
  return observer.summary(await runScenario(result.scenario, { catalogue: plugins, observer }));
}

function meanOf(summaries: readonly RunSummary[], of: (summary: RunSummary) => number | null): number {
  return summaries.reduce((sum, summary) => sum + (of(summary) ?? Number.NaN), 0) / summaries.length;
}

interface Simulated {
  readonly throughput: number;
  readonly throughputError: number;
  readonly ttftMs: number;
  readonly ttftError: number;
}

/** A row of the table in docs/experiment.md. */
function rowOf(policy: string, published: PublishedRun, simulated: Simulated): string {
  const { rate, outputTokensPerSecond, ttftMs } = published;
  const tokens = [outputTokensPerSecond, Math.round(simulated.throughput), percent(simulated.throughputError)];
  return `| ${[policy, rate, ...tokens, seconds(ttftMs), seconds(simulated.ttftMs), percent(simulated.ttftError)].join(" | ")} |`;
}

function seconds(ms: number): string {
  return String(Number((ms / 1000).toPrecision(3)));
}

function percent(share: number): string {
  return `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)} %`;
}
