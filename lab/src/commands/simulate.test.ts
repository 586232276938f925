import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runCli } from "@outrider/host/commands/cli";
import { afterAll, afterEach, describe, expect, it, vi } from "vitest";
import { simulateCommand } from "./simulate.ts";

const folder = mkdtempSync(join(tmpdir(), "outrider-simulate-"));
afterAll(() => rmSync(folder, { recursive: true }));
const catalogue = new URL("../compare/fixtures/no-plugins.ts", import.meta.url).href;
afterEach(() => {
  process.exitCode = undefined;
});

const epp =
  "config: { apiVersion: outrider.dev/v1alpha1, kind: EndpointPickerConfig, plugins: [{ type: random-picker }] }\n";
const rest = `apiVersion: outrider.dev/v1alpha1
kind: Scenario
fleet: [{ name: pod, count: 2, engine: "llama-3.1-8b:h100:1" }]
workload: { kind: unique, promptTokens: 64, outputTokens: 8, arrivals: { kind: poisson, rate: 20, for: 2s } }
`;
const trace = (...rows: readonly object[]) => rows.map((row) => `${JSON.stringify(row)}\n`).join("");
const row = { timestamp: 0, input_length: 16, output_length: 2, hash_ids: [1] };

const path = (name: string, text: string) => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
const good = path("good.yaml", epp + rest);

/** Runs the command and returns what it printed. */
async function run(...args: readonly string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const stdout = vi.spyOn(process.stdout, "write").mockImplementation((text, done) => {
    out.push(String(text));
    (done as (() => void) | undefined)?.();
    return true;
  });
  const stderr = vi.spyOn(process.stderr, "write").mockImplementation((text) => err.push(String(text)) > 0);
  try {
    const load = () => Promise.resolve(simulateCommand({}, catalogue));
    await runCli(["simulate", ...args], { simulate: { about: "", load } });
    return { out: out.join(""), err: err.join(""), code: process.exitCode };
  } finally {
    stdout.mockRestore();
    stderr.mockRestore();
  }
}

describe("outrider simulate, given what it cannot use,", () => {
  const later = path("later.jsonl", trace(row, { ...row, timestamp: 5 }, { ...row, timestamp: 4 }));
  const traced = (file: string) => epp + rest.replace(/workload:.*/, `workload: { kind: trace, file: ${file} }`);
  const long = trace(...Array.from({ length: 9000 }, (_, i) => ({ ...row, timestamp: i })), { ...row, hash_ids: [] });
  path("long.jsonl", long);
  path("taken", "");
  path("at-once.jsonl", trace(row, row));
  path("at-once.yaml", traced("at-once.jsonl"));
  path("epp.yaml", epp.slice("config: ".length));
  path("piker.yaml", epp.slice("config: ".length).replace("random-picker", "random-piker"));
  const experiment =
    "apiVersion: outrider.dev/v1alpha1\nkind: Experiment\npolicies: [epp.yaml]\ncases: [{ name: one, scenario: good.yaml }]\n";
  const cases: readonly { title: string; args: readonly string[]; want: RegExp }[] = [
    { title: "no scenario", args: [], want: /missing required argument 'scenario'/ },
    { title: "a file that is not there", args: [join(folder, "none.yaml")], want: /none.yaml cannot be read: ENOENT/ },
    { title: "an unknown flag", args: [good, "--speed", "2"], want: /unknown option '--speed'/ },
    {
      title: "a seed that is none",
      args: [good, "--seed", "-1"],
      want: /must be a whole number below 4294967296, is "-1"/,
    },
    { title: "an override that is none", args: [good, "--set", "fleet"], want: /must be path=value/ },
    {
      title: "an override that does not fit",
      args: [good, "--set", "fleet[0].count=0"],
      want: /good.yaml:4:\d+ fleet\[0\].count: must be at least 1, is 0/,
    },
    {
      title: "a faulty scenario",
      args: [path("faulty.yaml", rest)],
      want: /faulty.yaml:1:1 config: is missing/,
    },
    {
      title: "a faulty configuration, at its place in the scenario",
      args: [path("config.yaml", epp.replace("random-picker", "random-piker") + rest)],
      want: /config.yaml:1:92 plugins\[0\].type: there is no plugin type "random-piker" \(did you mean random-picker\?\)/,
    },
    {
      title: "a disturbance of a plugin that is not there",
      args: [path("disturbed.yaml", `${epp + rest}disturbances: { queue: { latency: 1ms } }\n`)],
      want: /disturbances: .*queue/,
    },
    {
      title: "a trace whose times go back",
      args: [path("back.yaml", traced(later))],
      want: /later.jsonl:3:1 timestamp: goes back from 5 to 4/,
    },
    {
      title: "a trace whose last row is wrong",
      args: [path("long.yaml", traced("long.jsonl"))],
      want: /long.jsonl:9001:1 hash_ids: must have 1 ids/,
    },
    {
      title: "a faulty experiment",
      args: [path("experiment.yaml", `${experiment}rates: [0]\n`)],
      want: /experiment.yaml:5:9 rates\[0\]: must be above 0, is 0/,
    },
    {
      title: "an experiment whose case sets what does not fit",
      args: [path("unfit.yaml", experiment.replace("good.yaml", 'good.yaml, set: { "fleet[0].count": 0 }'))],
      want: /good.yaml:4:\d+ fleet\[0\].count: must be at least 1, is 0/,
    },
    {
      title: "an experiment whose policy is faulty",
      args: [path("policy.yaml", experiment.replace("[epp.yaml]", "[epp.yaml, piker.yaml]"))],
      want: /piker.yaml:1:\d+ plugins\[0\].type: there is no plugin type "random-piker"/,
    },
    {
      title: "an experiment with rates for a trace of one moment",
      args: [
        path("rates.yaml", `${experiment.replace("good.yaml", "at-once.yaml")}rates: [2]\n`),
        "--set",
        "name=rates",
      ],
      want: /case one: rates need requests at different times/,
    },
    {
      title: "a report in a place where a file is",
      args: [good, "--out", join(folder, "taken", "report")],
      want: /--out .*taken\/report: ENOTDIR/,
    },
    {
      title: "a folder that cannot be made",
      args: [good, "--out", "/proc/outrider"],
      want: /--out \/proc\/outrider: ENOENT/,
    },
  ];
  for (const { title, args, want } of cases) {
    it(`names ${title} and ends with 2`, async () => {
      const { out, err, code } = await run(...args);
      expect(err).toMatch(want);
      expect(err).not.toMatch(/\n {4}at /);
      expect([out, code]).toEqual(["", 2]);
    });
  }
});

describe("outrider simulate", () => {
  it("prints a summary that people read", async () => {
    const { out, code } = await run(good);
    expect(code).toBe(0);
    expect(out).toMatch(
      /^good: good.yaml, 2 × llama-3.1-8b:h100:1, seed 1\n\d+ requests: \d+ answered \(100.0 %\); no client/,
    );
    expect(out).toMatch(/\nTTFT +\d/);
    expect(out).toMatch(/\npod-2 +\d+ +\d+ +0.0 %\n/);
  });

  it("prints one JSON object that says the same each time", async () => {
    const [first, second] = [await run(good, "--json"), await run(good, "--json")];
    expect(first.out).toBe(second.out);
    expect(first.out.trim().split("\n")).toHaveLength(1);
    expect(JSON.parse(first.out)).toMatchObject({ format: "outrider.lab.summary.v1", cutShort: null });
    expect(first.out).not.toContain(folder);
  });

  it("takes seed and values from the command line", async () => {
    const { out } = await run(
      good,
      "--json",
      "--seed",
      "9",
      "--set",
      "workload.arrivals={ kind: constant, rate: 7, for: 1s }",
    );
    expect(JSON.parse(out)).toMatchObject({ sent: 7, scenario: { seed: 9 } });
  });

  it("writes a report that holds nothing of when and where it was made", async () => {
    const [a, b] = [join(folder, "a"), join(folder, "b/c")];
    expect(await run(good, "--out", a)).toMatchObject({
      code: 0,
      err: expect.stringContaining(`${a}/report.html`) as string,
    });
    await run(good, "--out", b);
    for (const file of ["report.html", "report.json", "summary.md", "runs.csv"]) {
      const text = readFileSync(join(a, file), "utf8");
      expect(readFileSync(join(b, file), "utf8")).toBe(text);
      expect(text).not.toContain(folder);
    }
    expect(readFileSync(join(a, "report.json"), "utf8")).toContain("good.yaml");
  });

  it("keeps what it printed when the report cannot be written", async () => {
    const out = join(folder, "blocked");
    mkdirSync(join(out, "report.json"), { recursive: true });
    const result = await run(good, "--json", "--out", out);
    expect(JSON.parse(result.out)).toMatchObject({ cutShort: null });
    expect(result.err).toMatch(/outrider simulate: .*report.json cannot be written: /);
    expect(result.code).toBe(1);
  });
});
