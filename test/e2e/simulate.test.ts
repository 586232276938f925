import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = mkdtempSync(join(tmpdir(), "outrider-simulate-"));
afterAll(() => rmSync(folder, { recursive: true }));

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** `outrider`, as a user starts it. @param shell what the shell does with its output. */
function start(
  args: readonly string[],
  shell = "",
  name = "simulate",
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const command = ["node", "host/outrider/bin/outrider.js", name, ...args].map((word) => `'${word}'`).join(" ");
  const child = spawn("bash", ["-c", `set -o pipefail; ${shell === "" ? "exec " : ""}${command} ${shell}`], {
    cwd: root,
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => out.push(data));
  child.stderr.on("data", (data: Buffer) => err.push(data));
  const ended = new Promise<Ended>((resolve) => {
    child.on("close", (code) =>
      resolve({ code, out: Buffer.concat(out).toString(), err: Buffer.concat(err).toString() }),
    );
  });
  return { child, ended };
}

const simulate = (...args: readonly string[]) => start(args).ended;
const lab = "examples/lab";
const yamlIn = (of: string) => readdirSync(join(root, of)).filter((name) => name.endsWith(".yaml"));

describe("the scenarios of examples/lab", () => {
  for (const file of yamlIn(lab).filter((name) => name !== "experiment.yaml")) {
    it(`${file} is simulated alone, the same each time`, async () => {
      const args = [`${lab}/${file}`, "--json", "--set", "duration=30s", "--set", "warmUp=0s"];
      const [first, second] = [await simulate(...args), await simulate(...args)];
      expect(first.code, first.err).toBe(0);
      expect(second.out).toBe(first.out);
      const summary = JSON.parse(first.out) as { readonly sent: number; readonly ended: number };
      expect(summary.sent).toBeGreaterThan(20);
      expect(summary.ended).toBe(summary.sent);
    });
  }

  for (const policy of yamlIn(`${lab}/policies`)) {
    it(`policy ${policy} decides for the same workload`, async () => {
      const set = [`config=policies/${policy}`, "workload.arrivals.for=5s"].flatMap((value) => ["--set", value]);
      const { code, out, err } = await simulate(`${lab}/high-sharing.yaml`, "--json", ...set);
      expect(code, err).toBe(0);
      expect(JSON.parse(out)).toMatchObject({ sent: 50, all: { outcomes: { ok: 50, failed: 0, refused: 0 } } });
    });
  }
});

describe("the lines of the README", { timeout: 300_000 }, () => {
  const readme = readFileSync(join(root, "README.md"), "utf8");
  const lines = [...readme.matchAll(/^npx outrider (simulate|compare) (.*?)(?: +#.*)?$/gm)];
  const quick = lines.filter(([line]) => !line.includes("experiment.yaml")); // experiment.test.ts runs that one

  it("are there", () => {
    expect(lines.map(([, command]) => command)).toEqual(["simulate", "simulate", "compare"]);
  });

  for (const [, command = "", args = ""] of quick) {
    it(`outrider ${command} ${args} works as it stands`, async () => {
      const { code, out, err } = await start(args.split(" "), "", command).ended;
      expect(code, err).toBe(0);
      expect(out).toMatch(/prefix-load/);
    });
  }
});

describe("outrider simulate", () => {
  it("pins all load to one server by prefix alone where the first of equals is taken, and spreads it with load", async () => {
    const under = (policy: string) =>
      simulate(
        ...[`${lab}/high-sharing.yaml`, "--json", "--set", "workload.arrivals.rate=20"],
        ...["--set", `config=policies/${policy}.yaml`],
      );
    const pinned = JSON.parse((await under("prefix-only-first")).out) as Summary;
    const spread = JSON.parse((await under("prefix-load")).out) as Summary;
    expect(pinned.servers.map(({ requests }) => requests)).toEqual([1000, 0, 0, 0, 0, 0, 0, 0]);
    expect(pinned.all.successShare).toBeLessThan(0.4);
    expect(pinned.all.ttftMs.mean).toBeGreaterThan(100_000);
    expect(spread.all.successShare).toBe(1);
    expect(spread.all.ttftMs.mean).toBeLessThan(120);
    expect(pinned.workloadFingerprint).toBe(spread.workloadFingerprint);
  });

  it("ends by Ctrl-C with a report that says it is partial", async () => {
    const out = join(folder, "partial");
    const endless = [
      `${lab}/high-sharing.yaml`,
      "--out",
      out,
      "--set",
      "workload.arrivals={ kind: poisson, rate: 10 }",
    ];
    const { child, ended } = start([...endless, "--set", "duration=160h"]);
    await new Promise<void>((resolve) => {
      child.stderr?.on("data", (data: Buffer) => {
        if (data.includes("requests ended")) resolve();
      });
    });
    child.kill("SIGINT");
    const { code, out: printed } = await ended;
    expect(code).toBe(130);
    expect(printed).toMatch(/\nPARTIAL: interrupted: SIGINT; \d+ of \d+ requests had ended\n/);
    expect(readFileSync(join(out, "summary.md"), "utf8")).toContain("**Partial.**");
    expect(JSON.parse(readFileSync(join(out, "report.json"), "utf8"))).toMatchObject({
      partial: "interrupted: SIGINT",
    });
  });

  const short = [`${lab}/high-sharing.yaml`, "--set", "workload.arrivals.for=1s"];

  it("says that the disk is full where its output goes", async () => {
    const { code, err } = await start(short, "> /dev/full").ended;
    expect(err).toMatch(/outrider simulate: the standard output cannot be written: the disk is full/);
    expect(err).not.toMatch(/\n {4}at /);
    expect(code).toBe(1);
  });

  it("ends without a word when nobody reads its output any more", async () => {
    const { code, err } = await start(short, "| true").ended;
    expect([code, err]).toEqual([0, ""]);
  });

  it("reads a long trace without holding it", async () => {
    const file = join(folder, "long.jsonl");
    for (let start = 0; start < 300_000; start += 10_000) {
      const rows = Array.from({ length: 10_000 }, (_, i) => {
        const id = start + i;
        return `{"timestamp":${id},"input_length":513,"output_length":1,"hash_ids":[${id % 50},${id}]}\n`;
      });
      writeFileSync(file, rows.join(""), { flag: "a" });
    }
    const scenario = join(folder, "long.yaml");
    const config =
      "{ apiVersion: outrider.dev/v1alpha1, kind: EndpointPickerConfig, plugins: [{ type: random-picker }] }";
    const fleet = "[{ name: pod, count: 400, engine: llama-3.1-8b:h100:1 }]";
    const text = `apiVersion: outrider.dev/v1alpha1\nkind: Scenario\nconfig: ${config}\nfleet: ${fleet}\n`;
    writeFileSync(scenario, `${text}workload: { kind: trace, file: ${file}, limit: 20000 }\nscrapeInterval: 10s\n`);
    const { code, out, err } = await simulate(scenario, "--json");
    expect(code, err).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ sent: 20_000, ended: 20_000 });
  });
});

interface Summary {
  readonly workloadFingerprint: string;
  readonly servers: readonly { readonly requests: number }[];
  readonly all: { readonly successShare: number; readonly ttftMs: { readonly mean: number } };
}
