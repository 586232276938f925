import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WriteError } from "../report/index.ts";
import { type CompareOptions, type CompareProgress, compare } from "./compare.ts";
import { toComparisonJson } from "./comparison-json.ts";
import { plugins } from "./fixtures/no-plugins.ts";
import { keyOf } from "./job.ts";
import { createPlan, type PlanOptions } from "./plan.ts";

const module = new URL("./fixtures/no-plugins.ts", import.meta.url).href;
const never = new AbortController().signal;

const config = (type: string) => `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
plugins:
- { name: only, type: ${type} }
schedulingProfiles:
- name: default
  plugins: [{ pluginRef: only }]
`;
const scenario = `apiVersion: outrider.dev/v1alpha1
kind: Scenario
config: round-robin.yaml
fleet:
- { name: pod, count: 3, engine: "qwen3-32b:h100:1" }
workload:
  kind: unique
  promptTokens: 300
  outputTokens: 20
  arrivals: { kind: poisson, rate: 5, for: 4s }
`;

let folder = "";
const at = (name: string) => join(folder, name);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "compare-"));
  await writeFile(at("round-robin.yaml"), config("round-robin"));
  await writeFile(at("random.yaml"), config("random-picker"));
  await writeFile(at("fleet.yaml"), scenario);
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe("a plan", () => {
  const wrong: readonly {
    readonly title: string;
    readonly change: () => Partial<PlanOptions>;
    readonly want: RegExp;
  }[] = [
    {
      title: "a policy that is not there",
      change: () => ({ policies: [at("no.yaml")] }),
      want: /no\.yaml cannot be read/,
    },
    { title: "configurations without a fleet", change: () => ({ scenario: undefined }), want: /name a scenario/ },
    { title: "a scenario with faults", change: () => ({ scenario: at("bad.yaml") }), want: /bad\.yaml:\d+:\d+/ },
    {
      title: "a configuration with faults",
      change: () => ({ policies: [at("bad-type.yaml")] }),
      want: /bad-type\.yaml:4/,
    },
    { title: "a workload that is none", change: () => ({ workload: at("words.yaml") }), want: /is no workload/ },
    { title: "a trace that is not there", change: () => ({ workload: at("no.jsonl") }), want: /no\.jsonl/ },
    {
      title: "rates of a trace that has one time",
      change: () => ({ workload: at("t.jsonl"), rates: [2] }),
      want: /all come at once/,
    },
  ];
  for (const { title, change, want } of wrong) {
    it(`is refused for ${title}`, async () => {
      await writeFile(at("bad.yaml"), scenario.replace("count: 3", "count: none"));
      await writeFile(at("bad-type.yaml"), config("no-such-scorer"));
      await writeFile(at("words.yaml"), "- just words");
      await writeFile(at("t.jsonl"), `${row(0)}${row(0)}`);
      await expect(createPlan(options(change()))).rejects.toThrow(want);
    });
  }

  it("puts all policies to the same rates and seeds, pair by pair", async () => {
    const { jobs } = await createPlan(options({ rates: [2, 4], seeds: 2 }));
    expect(jobs.map(({ policy, ratePerSecond, seed }) => `${policy} ${ratePerSecond} ${seed}`)).toEqual([
      "round-robin 2 1",
      "random 2 1",
      "round-robin 4 1",
      "random 4 1",
      "round-robin 2 2",
      "random 2 2",
      "round-robin 4 2",
      "random 4 2",
    ]);
  });

  it("knows a run again by all that it is made of, and not by where it lies", async () => {
    const keys = async (change: Partial<PlanOptions> = {}) => (await createPlan(options(change))).jobs.map(keyOf);
    await writeFile(at("t.jsonl"), `${row(0)}${row(1000)}`);
    const before = await keys({ workload: at("t.jsonl") });
    expect(new Set(before).size).toBe(4);
    expect(await keys({ workload: at("t.jsonl") })).toEqual(before);
    await writeFile(at("t.jsonl"), `${row(0)}${row(1001)}`);
    const after = await keys({ workload: at("t.jsonl") });
    expect(after.filter((key) => before.includes(key))).toEqual([]);
    await writeFile(at("random.yaml"), `${config("random-picker")}# other\n`);
    expect((await keys({ workload: at("t.jsonl") })).filter((key) => after.includes(key))).toHaveLength(2);
    await mkdir(at("moved"));
    for (const name of ["round-robin.yaml", "random.yaml", "fleet.yaml"]) {
      await writeFile(join(folder, "moved", name), await readFile(at(name)));
    }
    expect(await keys({ ...inFolder("moved") })).toEqual(await keys());
  });

  it("plays a trace at the rates that are asked for", async () => {
    await writeFile(at("t.jsonl"), [0, 1000, 2000, 3000, 4000].map(row).join(""));
    const plan = await createPlan(options({ workload: at("t.jsonl"), rates: [4], seeds: 1 }));
    const { made } = await compare(plan, compareOptions({ folder: undefined }));
    expect(made[0]?.summary.timeline.sent.reduce((sum, count) => sum + count, 0)).toBe(5);
    expect(made[0]?.summary.endMs).toBeLessThan(2500);
  }, 60_000);
});

describe("a comparison", { timeout: 120_000 }, () => {
  it("gives the same policy the same picks, and others the same requests", async () => {
    await writeFile(at("again.yaml"), config("round-robin"));
    const policies = [at("round-robin.yaml"), at("again.yaml"), at("random.yaml")];
    const { made, report, differences } = await compare(await createPlan(options({ policies })), compareOptions());
    const picks = Map.groupBy(made, ({ job }) => job.policy);
    const of = (policy: string) => picks.get(policy)?.map(({ summary }) => summary.picksSha256);
    expect(of("again")).toEqual(of("round-robin"));
    expect(of("random")).not.toEqual(of("round-robin"));
    for (const seed of [1, 2]) {
      const own = made.filter(({ job }) => job.seed === seed);
      expect(new Set(own.map(({ summary }) => summary.workloadFingerprint)).size).toBe(1);
    }
    const same = differences.filter(({ policy }) => policy === "again");
    expect(new Set(same.map(({ showing }) => showing))).toEqual(new Set(["same", "not_shown"]));
    expect(report.partial).toBeNull();
  });

  it("makes only what is missing, and ends with the same, however it came about", async () => {
    const plan = await createPlan(options());
    const whole = await compare(plan, compareOptions());
    const runs = join(folder, "out", "runs");
    const [first = "", second = ""] = await readdir(runs);
    await rm(join(runs, first));
    await writeFile(join(runs, second), "{ half");
    const told: CompareProgress[] = [];
    const resumed = await compare(plan, compareOptions({ progress: (one) => void told.push(one) }));
    expect(told.map(({ made }) => made)).toEqual([2, 3, 4]);
    expect(toComparisonJson(resumed)).toBe(toComparisonJson(whole));
    expect(resumed.report).toEqual(whole.report);
  });

  it("tells what there is when it is interrupted, and that it is partial", async () => {
    const stop = new AbortController();
    const progress = ({ made }: CompareProgress) => {
      if (made === 1) stop.abort();
    };
    const options1 = compareOptions({ signal: stop.signal, progress, processes: 1 });
    const { made, report } = await compare(await createPlan(options()), options1);
    expect(made).toHaveLength(1);
    expect(report.partial).toBe("3 of 4 runs are missing; it was interrupted");
    expect(await readdir(join(folder, "out", "runs"))).toHaveLength(1);
  });

  it("goes on where a process dies or a run fails, and says which", async () => {
    const dying = at("dying.mjs");
    await writeFile(dying, `process.on("message", () => process.exit(7)); export const plugins = {};`);
    const { report, failed } = await compare(await createPlan(options()), compareOptions({ module: dying }));
    expect(failed).toHaveLength(4);
    expect(report.partial).toMatch(
      /^4 of 4 runs are missing; round-robin, seed 1 failed: its process ended by exit code 7/,
    );
  });

  it("ends with the file that a run cannot be kept in", async () => {
    await mkdir(at("out"));
    await writeFile(join(folder, "out", "runs"), "a file");
    await expect(compare(await createPlan(options()), compareOptions())).rejects.toThrow(WriteError);
  });
});

function options(change: Partial<PlanOptions> = {}): PlanOptions {
  return { ...inFolder("."), workload: undefined, rates: [], seeds: 2, catalogue: plugins, ...change };
}

function inFolder(name: string) {
  const files = ["round-robin.yaml", "random.yaml"].map((file) => join(folder, name, file));
  return { policies: files, scenario: join(folder, name, "fleet.yaml") };
}

function compareOptions(change: Partial<CompareOptions> = {}): CompareOptions {
  return { folder: at("out"), again: false, processes: 2, module, signal: never, progress: () => undefined, ...change };
}

function row(timestamp: number): string {
  return `${JSON.stringify({ timestamp, input_length: 600, output_length: 5, hash_ids: [1, timestamp + 2] })}\n`;
}
