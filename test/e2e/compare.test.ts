import { spawn } from "node:child_process";
import { hash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const outrider = fileURLToPath(new URL("../../host/outrider/bin/outrider.js", import.meta.url));

const config = (type: string) => `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
plugins: [{ name: only, type: ${type} }]
schedulingProfiles:
- { name: default, plugins: [{ pluginRef: only }] }
`;
const files: Readonly<Record<string, string>> = {
  "turns.yaml": config("round-robin"),
  "queue.yaml": config("queue-scorer"),
  "fleet.yaml": `apiVersion: outrider.dev/v1alpha1
kind: Scenario
config: turns.yaml
fleet: [{ name: pod, count: 3, engine: "qwen3-32b:h100:1" }]
workload:
  { kind: unique, promptTokens: 400, outputTokens: 40, arrivals: { kind: poisson, rate: 5, for: 10s } }
`,
};
const policies = ["turns.yaml", "queue.yaml", "--scenario", "fleet.yaml"];

describe("outrider compare", { timeout: 300_000 }, () => {
  let folder = "";
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "compare-"));
    for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  const wrong = [
    { title: "no policy", args: [], want: /missing required argument/ },
    { title: "rates that are none", args: [...policies, "--rates", "2,fast"], want: /--rates.*has "fast"/ },
    { title: "no seed", args: [...policies, "--seeds", "0"], want: /--seeds.*is "0"/ },
    { title: "a policy that is not there", args: ["none.yaml", ...policies], want: /none\.yaml cannot be read/ },
    { title: "no fleet", args: ["turns.yaml"], want: /name a scenario with --scenario/ },
    { title: "a folder that is a file", args: [...policies, "--out", "fleet.yaml"], want: /--out fleet\.yaml/ },
  ];
  for (const { title, args, want } of wrong) {
    it(`refuses ${title} before anything is run`, async () => {
      const { code, stdout, stderr } = await run(folder, args);
      expect([code, stdout]).toEqual([2, ""]);
      expect(stderr).toMatch(want);
    });
  }

  it("keeps what is done when it is interrupted, and goes on from there to the same end", async () => {
    const args = [...policies, "--rates", "3,6", "--seeds", "3", "--processes", "1", "--json"];
    const cut = await run(folder, [...args, "--out", "cut"], "2 of 12 runs");
    expect(cut.code, cut.stderr).toBe(130);
    expect((JSON.parse(cut.stdout) as Comparison).partial).toMatch(/of 12 runs are missing; it was interrupted/);
    expect(await readFile(join(folder, "cut", "report.html"), "utf8")).toContain("it was interrupted");
    const kept = await readdir(join(folder, "cut", "runs"));
    expect(kept.length).toBeGreaterThanOrEqual(2);
    expect(kept.length).toBeLessThan(12);
    const resumed = await run(folder, [...args, "--out", "cut"]);
    expect(resumed.stderr).toContain(`${kept.length} of 12 runs\n`);
    const whole = await run(folder, [...args, "--out", "whole"]);
    expect([resumed.code, whole.code]).toEqual([0, 0]);
    expect(resumed.stdout).toBe(whole.stdout);
    expect(await contentOf(join(folder, "cut"))).toEqual(await contentOf(join(folder, "whole")));
    expect((JSON.parse(whole.stdout) as Comparison).partial).toBeNull();
  });
});

interface Comparison {
  readonly partial: string | null;
}

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command to its end. @param until what on stderr has it interrupted, once. */
function run(cwd: string, args: readonly string[], until?: string): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, [outrider, "compare", ...args], { cwd, stdio: ["ignore", "pipe", "pipe"] });
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
    child.on("close", (code) => resolve({ code, stdout, stderr }));
  });
}

/** Hashes of all files by their paths. */
async function contentOf(folder: string): Promise<Readonly<Record<string, string>>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  const contents = await Promise.all(
    paths.map(async (path) => [path.slice(folder.length), hash("sha256", await readFile(path))] as const),
  );
  return Object.fromEntries(contents.toSorted(([a], [b]) => (a < b ? -1 : 1)));
}
