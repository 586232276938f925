import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { promisify } from "node:util";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { chromiumFlags, chromiumMissing, installChromium } from "../clients/chromium.ts";

const outrider = fileURLToPath(new URL("../../host/outrider/bin/outrider.js", import.meta.url));

const config = (name: string, plugins: string, uses: string) => `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
plugins:
${plugins}
schedulingProfiles:
- name: ${name}
  plugins: [${uses}]
`;
const files: Readonly<Record<string, string>> = {
  "round-robin.yaml": config("turns", "- { name: turn, type: round-robin }", "{ pluginRef: turn }"),
  "prefix-load.yaml": config(
    "best",
    "- { name: prefix, type: prefix-cache-scorer }\n- { name: queue, type: queue-scorer }",
    "{ pluginRef: prefix, weight: 3 }, { pluginRef: queue, weight: 2 }",
  ),
  "fleet.yaml": `apiVersion: outrider.dev/v1alpha1
kind: Scenario
config: prefix-load.yaml
fleet:
- { name: pod, count: 4, engine: "qwen3-32b:h100:1" }
workload:
  kind: shared-prefix
  groups: 4
  prompts: 8
  systemTokens: 1024
  questionTokens: 128
  outputTokens: 32
  slo: { ttft: 200ms, tpot: 40ms }
  arrivals: { kind: poisson, rate: 10, for: 10s }
clientTimeout: 60s
`,
};

/** A chart as its data stands in the page. */
interface ChartData {
  readonly id: string;
  readonly title: string;
  readonly series: readonly { readonly name: string; readonly points: readonly { x: number; y: number | null }[] }[];
}

/** What a browser shows and says of a page. */
interface Seen {
  readonly charts: readonly ChartData[];
  /** Names of the pictures, as assistive technology reads them. */
  readonly pictures: readonly string[];
  /** Console messages, errors of the page, and what was asked of a network or of other files. */
  readonly complaints: readonly string[];
  /** Words of charts that stick out of their picture. */
  readonly cut: readonly string[];
  readonly text: string;
}

describe.skipIf(chromiumMissing !== undefined)(
  `a report in a browser${chromiumMissing ? ` (${chromiumMissing})` : ""}`,
  () => {
    let folder = "";
    let browser: Browser;

    beforeAll(async () => {
      folder = await mkdtemp(join(tmpdir(), "report-"));
      for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
      browser = await chromium.launch({ executablePath: installChromium(), args: [...chromiumFlags] });
    }, 600_000);
    afterAll(async () => {
      await browser?.close();
      await rm(folder, { recursive: true, force: true });
    });

    const run = async (...args: readonly string[]) => {
      await promisify(execFile)(process.execPath, [outrider, ...args], { cwd: folder });
    };

    it("shows one simulation with nothing but its file", { timeout: 300_000 }, async () => {
      await run("simulate", "fleet.yaml", "--out", "one");
      const seen = await look(browser, join(folder, "one", "report.html"));
      expect(seen.complaints).toEqual([]);
      expect(seen.cut).toEqual([]);
      expect(seen.pictures).toEqual(seen.charts.map(({ title }) => title));
      const ids = seen.charts.map(({ id }) => id);
      const wanted = [
        "throughput",
        "success",
        "ttft",
        "itl",
        "tpot",
        "normalised",
        "hit-rate",
        "slo-attainment",
        "decision",
      ];
      expect(ids).toEqual(expect.arrayContaining([...wanted, "load-running", "load-waiting", "load-kv"]));
      const empty = seen.charts.filter(
        ({ series }) => !series.some(({ points }) => points.some(({ y }) => y !== null)),
      );
      expect(empty).toEqual([]);
      expect(seen.text).toContain("a fit, not a validation");
      expect(seen.text).toContain("seed 1");
    });

    it("shows a comparison as its files have it", { timeout: 600_000 }, async () => {
      const policies = ["round-robin.yaml", "prefix-load.yaml"];
      await run("compare", ...policies, "--scenario", "fleet.yaml", "--rates", "4,12", "--seeds", "2", "--out", "many");
      const seen = await look(browser, join(folder, "many", "report.html"));
      expect(seen.complaints).toEqual([]);
      expect(seen.cut).toEqual([]);
      const chart = seen.charts.find(({ id }) => id === "ttft-mean");
      expect(chart?.series.map(({ name }) => name)).toEqual(["round-robin", "prefix-load"]);
      const { runs } = JSON.parse(await readFile(join(folder, "many", "comparison.json"), "utf8")) as {
        readonly runs: readonly { policy: string; ratePerSecond: number; figures: Readonly<Record<string, number>> }[];
      };
      for (const { name, points } of chart?.series ?? []) {
        for (const { x, y } of points) {
          const own = runs.filter(({ policy, ratePerSecond }) => policy === name && ratePerSecond === x);
          expect(own).toHaveLength(2);
          expect(y).toBeCloseTo((own[0]!.figures["ttft-mean"]! + own[1]!.figures["ttft-mean"]!) / 2, 6);
        }
      }
      expect(seen.text).toMatch(/prefix-load against round-robin, Prefix hit rate/);
    });

    it("is readable on light and on dark ground", async () => {
      const ratios = [];
      for (const colorScheme of ["light", "dark"] as const) {
        const page = await browser.newPage({ colorScheme });
        await page.goto(pathToFileURL(join(folder, "one", "report.html")).href);
        ratios.push(...(await page.evaluate<number[]>(contrasts)));
        await page.close();
      }
      expect(ratios.length).toBeGreaterThan(4);
      expect(Math.min(...ratios)).toBeGreaterThan(4.5);
    });
  },
);

/** Opens a page and waits until it has loaded. */
async function look(browser: Browser, file: string): Promise<Seen> {
  const page: Page = await browser.newPage();
  const url = pathToFileURL(file).href;
  const complaints: string[] = [];
  page.on("console", (message) => void complaints.push(`${message.type()}: ${message.text()}`));
  page.on("pageerror", (error) => void complaints.push(`error: ${error.message}`));
  page.on("request", (request) => {
    if (request.url() !== url) complaints.push(`request: ${request.url()}`);
  });
  await page.goto(url, { waitUntil: "load" });
  const data = await page.locator('script[type="application/json"]').allTextContents();
  const seen: Seen = {
    charts: data.map((text) => JSON.parse(text) as ChartData),
    pictures: await page.evaluate<string[]>(pictureNames),
    complaints,
    cut: await page.evaluate<string[]>(cutWords),
    text: await page.locator("body").innerText(),
  };
  await page.close();
  return seen;
}

// What follows runs in the page.

const pictureNames = `[...document.querySelectorAll("svg[role=img]")].map((svg) =>
  document.getElementById(svg.getAttribute("aria-labelledby").split(" ")[0]).textContent)`;

const cutWords = `[...document.querySelectorAll("svg.chart")].flatMap((svg) => {
  const box = svg.getBoundingClientRect();
  return [...svg.querySelectorAll("text")].filter((word) => {
    const own = word.getBoundingClientRect();
    return own.width > 0 && (own.left < box.left - 1 || own.right > box.right + 1 || own.bottom > box.bottom + 1);
  }).map((word) => svg.id + word.textContent);
})`;

/** Contrast of words to the ground that they stand on, by the formula of WCAG 2. */
const contrasts = `(() => {
  const light = (colour) => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map((part) => part / 255)
      .map((part) => (part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
  };
  const ratio = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const ground = getComputedStyle(document.body).backgroundColor;
  const svgGround = getComputedStyle(document.querySelector("svg .ground")).fill;
  return [
    ...["h1", "td", "figcaption"].map((name) => ratio(getComputedStyle(document.querySelector(name)).color, ground)),
    ...["svg text", "svg .heading"].map((name) => ratio(getComputedStyle(document.querySelector(name)).fill, svgGround)),
  ];
})()`;
