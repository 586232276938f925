import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "outrider-experiment-"));
const out = join(folder, "report");
afterAll(() => rmSync(folder, { recursive: true }));

/** The example at its ends, two fifths as long; clients wait two fifths as long. */
const shortened = `cases=${JSON.stringify(
  [
    ["high-sharing-8", "high-sharing.yaml", 8],
    ["high-sharing-12", "high-sharing.yaml", 12],
    ["low-sharing-12", "low-sharing.yaml", 12],
  ].map(([name, scenario, servers]) => ({
    name,
    scenario,
    set: { "fleet[0].count": servers, "workload.arrivals.for": "20s", clientTimeout: "120s" },
  })),
)}`;

describe("the experiment of examples/lab, shortened,", () => {
  let ended: Ended = { code: null, out: "", err: "" };
  beforeAll(async () => {
    const args = ["examples/lab/experiment.yaml", "--json", "--out", out, "--set", "rates=[20,2]", "--set", shortened];
    ended = await simulate(...args);
  }, 300_000);
  const figures = (name: string, policy: string, rate = 20) => {
    const { cases } = JSON.parse(ended.out) as Experiment;
    const runs = cases.find((one) => one.name === name)?.comparison.runs ?? [];
    return runs.find((run) => run.policy === policy && run.ratePerSecond === rate)?.figures ?? {};
  };

  it("is whole, with a report a case", () => {
    expect(ended.code, ended.err).toBe(0);
    expect(ended.err).toContain("18 of 18 runs\n");
    expect(JSON.parse(ended.out)).toMatchObject({ format: "outrider.lab.experiment.v1", partial: false });
    expect(readFileSync(join(out, "experiment.json"), "utf8")).toBe(ended.out);
    for (const name of ["high-sharing-8", "high-sharing-12", "low-sharing-12"]) {
      const charts = ["busiest-server", "hit-rate", "itl-mean", "normalised-mean", "success", "total-throughput"];
      expect(readdirSync(join(out, name, "charts"))).toEqual(
        expect.arrayContaining([...charts, "ttft-mean", "load-running-1"].map((id) => `${id}.svg`)),
      );
      expect(readFileSync(join(out, name, "report.html"), "utf8")).toContain(`prefix-and-load, ${name}: `);
    }
  });

  for (const name of ["high-sharing-8", "high-sharing-12", "low-sharing-12"]) {
    it(`${name}: by prefix alone, the first of equals, one server gets every request`, () => {
      expect(figures(name, "prefix-only-first")["busiest-server"]).toBe(1);
    });

    it(`${name}: with load beside it no server gets twice its share, and all are answered`, () => {
      const servers = name.endsWith("12") ? 12 : 8;
      const { "busiest-server": share, success } = figures(name, "prefix-load");
      expect(share).toBeLessThan(2 / servers);
      expect(success).toBe(1);
    });
  }

  it("answers all at 2 requests a second whoever decides, and at 20 a third by the pinned server", () => {
    expect(figures("high-sharing-8", "prefix-only-first", 2).success).toBe(1);
    expect(figures("high-sharing-8", "prefix-only-first").success).toBeGreaterThan(0.2);
    expect(figures("high-sharing-8", "prefix-only-first").success).toBeLessThan(0.45);
    expect(figures("high-sharing-8", "prefix-only-random").success).toBe(1);
  });

  it("makes nothing again that is kept, and says the same", async () => {
    const args = ["--json", "--out", out, "--set", "rates=[20,2]", "--set", shortened];
    const again = await simulate("examples/lab/experiment.yaml", ...args);
    expect([again.code, again.out]).toEqual([0, ended.out]);
    expect(again.err).toMatch(/^6 of 18 runs\nreport: /);
  });

  it("says what is missing when it is interrupted", async () => {
    const cut = join(folder, "cut");
    const { code, out: printed } = await simulateUntil("\n1 of 84 runs\n", [
      "examples/lab/experiment.yaml",
      "--out",
      cut,
    ]);
    expect(code).toBe(130);
    expect(printed).toMatch(
      /\nhigh-sharing-8: 8 × .*; client time-out 300000 ms; seeds 1\nPARTIAL: \d+ of 21 runs are missing/,
    );
    expect(printed).toMatch(
      /\nlow-sharing-12: no run was made\nPARTIAL: 21 of 21 runs are missing; it was interrupted\n/,
    );
    expect(readFileSync(join(cut, "high-sharing-8", "summary.md"), "utf8")).toContain("**Partial.**");
    expect(JSON.parse(readFileSync(join(cut, "experiment.json"), "utf8"))).toMatchObject({ partial: true });
  });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

interface Experiment {
  readonly cases: readonly {
    readonly name: string;
    readonly comparison: {
      readonly runs: readonly {
        readonly policy: string;
        readonly ratePerSecond: number;
        readonly figures: Readonly<Record<string, number>>;
      }[];
    };
  }[];
}

function simulate(...args: readonly string[]): Promise<Ended> {
  return simulateUntil(undefined, args);
}

/** @param until what on stderr has it interrupted, once. */
function simulateUntil(until: string | undefined, args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["host/outrider/bin/outrider.js", "simulate", ...args], { cwd: root });
    let [stdout, stderr, interrupted] = ["", "", until === undefined];
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
      if (interrupted || !stderr.includes(until ?? "")) return;
      interrupted = true;
      child.kill("SIGINT");
    });
    child.on("close", (code) => resolve({ code, out: stdout, err: stderr }));
  });
}
