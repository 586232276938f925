import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { madeEnd, madeOutcome, madeScenario } from "../results/fixtures/made-outcomes.ts";
import { createResults, type RunSummary } from "../results/index.ts";
import { chartsOf } from "./charts.ts";
import { madeSummary, madeSweep } from "./fixtures/made-runs.ts";
import { type Report, toRunReport } from "./report.ts";
import { WriteError } from "./write-file.ts";
import { reportFiles, writeReport } from "./write-report.ts";

const nothing: Report = { title: "nothing", runs: [], findings: [], partial: "stopped by a signal", sources: {} };

const reports: readonly { readonly title: string; readonly report: Report }[] = [
  { title: "no run", report: nothing },
  { title: "a run of no requests", report: toRunReport(emptySummary()) },
  { title: "a run in which all failed", report: toRunReport(failedSummary()) },
  { title: "one run", report: toRunReport(madeSummary(1)) },
  { title: "a run over many servers", report: toRunReport(ofManyServers(madeSummary(1))) },
  { title: "several policies at one rate", report: { ...nothing, partial: null, runs: oneRate() } },
  { title: "several policies at several rates", report: { ...nothing, partial: null, runs: madeSweep() } },
];

for (const { title, report } of reports) {
  describe(`a report of ${title}`, () => {
    const files = reportFiles(report);

    it("has no number in it that is none", () => {
      for (const content of Object.values(files)) expect(content).not.toMatch(/NaN|Infinity|undefined/);
    });

    it("brings all that it shows", () => {
      const loads = /(?:src|href|srcset)=|@import|url\(|<link|<iframe|<script(?! type="application\/json")/;
      for (const content of Object.values(files)) expect(content).not.toMatch(loads);
    });

    it("names and describes every chart", () => {
      for (const { id, title: name, description } of chartsOf(report)) {
        expect(name.length * description.length).toBeGreaterThan(0);
        expect(files[`charts/${id}.svg`]).toContain(`<title id="${id}-title">`);
        expect(files["report.html"]).toContain(`aria-labelledby="${id}-title ${id}-desc"`);
        expect(files["report.html"]).toContain(`id="data-${id}"`);
      }
    });

    it("is the same again", () => {
      expect(reportFiles(structuredClone(report))).toEqual(files);
    });

    it("states the limits of the model", () => {
      expect(files["report.html"]).toContain("a fit, not a validation");
      expect(files["summary.md"]).toContain("a fit, not a validation");
    });
  });
}

describe("a report", () => {
  it("has the charts that people use against the rate", () => {
    const ids = chartsOf({ ...nothing, runs: madeSweep() }).map(({ id }) => id);
    expect(ids).toEqual(
      expect.arrayContaining(["output-throughput", "success", "ttft-mean", "itl-mean", "tpot-p90", "normalised-mean"]),
    );
    expect(ids).toEqual(expect.arrayContaining(["hit-rate", "slo-attainment", "decision-p99", "load-waiting-1"]));
  });

  it("has the charts that people use of one run", () => {
    const ids = chartsOf(toRunReport(madeSummary(1))).map(({ id }) => id);
    expect(ids).toEqual(expect.arrayContaining(["throughput", "success", "ttft", "itl", "tpot", "normalised"]));
    expect(ids).toEqual(expect.arrayContaining(["hit-rate", "slo-attainment", "decision", "load-running"]));
  });

  it("shows means over seeds with their intervals", () => {
    const chart = chartsOf({ ...nothing, runs: madeSweep() }).find(({ id }) => id === "ttft-mean");
    const points = chart?.series[0]?.points ?? [];
    expect(points.map(({ x }) => x)).toEqual([2, 10, 20]);
    for (const { y, low, high } of points) expect(low! < y! && y! < high!).toBe(true);
  });

  it("does not tell many servers apart, but shows their mean", () => {
    const files = reportFiles(toRunReport(ofManyServers(madeSummary(1))));
    const svg = files["charts/load-running.svg"] ?? "";
    expect(svg.match(/class="thin"/g)).toHaveLength(20);
    expect(svg).toContain("mean of 20 servers");
    expect(files["series.csv"]?.match(/^load-running,server-19,/gm)?.length).toBeGreaterThan(0);
  });

  it("says that it is partial, and why", () => {
    const cut = { ...madeSummary(1), cutShort: "a signal stopped it" };
    for (const name of ["report.html", "summary.md"]) {
      expect(reportFiles(toRunReport(cut))[name]).toMatch(/Partial\..*a signal stopped it/);
      expect(reportFiles(toRunReport(madeSummary(1)))[name]).not.toMatch(/Partial/);
    }
  });

  it("takes names for text only, wherever they stand", () => {
    const evil = `</script><script>alert("1")</script>|*x*`;
    const run = { policy: evil, ratePerSecond: null, summary: madeSummary(1) };
    const files = reportFiles({ ...nothing, title: evil, runs: [run], findings: [evil], sources: { [evil]: evil } });
    for (const [name, content] of Object.entries(files)) {
      if (name !== "report.json" && !name.endsWith(".csv")) expect(content, name).not.toContain("<script>");
    }
    expect(files["summary.md"]).toContain("\\|\\*x\\*");
  });

  it("has no cell that a spreadsheet would calculate", () => {
    const run = { policy: `=HYPERLINK("x"),1`, ratePerSecond: 2, summary: madeSummary(1) };
    const csv = reportFiles({ ...nothing, runs: [run] })["runs.csv"] ?? "";
    expect(csv.split("\n")[1]).toMatch(/^"'=HYPERLINK\(""x""\),1",2,1,300,/);
  });
});

describe("writing a report", () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "report-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("leaves its files and nothing else", async () => {
    const names = await writeReport(join(folder, "a", "b"), toRunReport(madeSummary(1)));
    const found = await readdir(join(folder, "a", "b"), { recursive: true, withFileTypes: true });
    expect(found.filter((entry) => entry.isFile())).toHaveLength(names.length);
    expect(await readFile(join(folder, "a", "b", "report.html"), "utf8")).toContain("</html>");
  });

  it("takes away charts that only the earlier report had, and nothing else", async () => {
    await writeReport(folder, { ...nothing, runs: madeSweep() });
    await writeFile(join(folder, "charts", "mine.svg"), "mine");
    const names = await writeReport(folder, toRunReport(madeSummary(1)));
    const charts = names.filter((name) => name.startsWith("charts/")).map((name) => name.slice("charts/".length));
    expect((await readdir(join(folder, "charts"))).toSorted()).toEqual([...charts, "mine.svg"].toSorted());
  });

  it("names the file that cannot be written, and why", async () => {
    await writeFile(join(folder, "taken"), "");
    const writing = writeReport(join(folder, "taken"), toRunReport(madeSummary(1)));
    await expect(writing).rejects.toThrow(WriteError);
    await expect(writing).rejects.toThrow(/taken.* cannot be written: a part of its path is no folder/);
  });

  it("leaves the file as it was when there is no space for the new one", async () => {
    const path = join(folder, "report.html");
    await writeFile(path, "as it was");
    const module = fileURLToPath(new URL("write-file.ts", import.meta.url));
    const code = `const { writeWhole } = await import(${JSON.stringify(module)});
      await writeWhole(${JSON.stringify(path)}, "x".repeat(1e6)).catch((e) => console.log(e.message));`;
    const limited = 'ulimit -f 100; exec "$0" --input-type=module -e "$1"';
    const { stdout } = await promisify(execFile)("bash", ["-c", limited, process.execPath, code]);
    expect(stdout).toContain(`${path} cannot be written: it would be larger than files may be here (EFBIG)`);
    expect(await readFile(path, "utf8")).toBe("as it was");
    expect(await readdir(folder)).toEqual(["report.html"]);
  });
});

function emptySummary(): RunSummary {
  return createResults(madeScenario()).summary(madeEnd);
}

function failedSummary(): RunSummary {
  const results = createResults(madeScenario());
  for (let i = 0; i < 5; i++) {
    results.ended(madeOutcome({ kind: "failed", status: 502, ttftMs: Number.NaN, outputTokens: 0, sentMs: i }));
  }
  return results.summary({ ...madeEnd, sent: 5 });
}

function ofManyServers(summary: RunSummary): RunSummary {
  const servers = Array.from({ length: 20 }, (_, i) => ({ ...summary.servers[i % 2]!, name: `server-${i}` }));
  return { ...summary, servers };
}

function oneRate() {
  return madeSweep().filter(({ ratePerSecond }) => ratePerSecond === 10);
}
