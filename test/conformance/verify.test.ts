import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { type Rule, rules, type VerifyReport, verifyPlugin } from "@outrider/plugin-conformance";
import { plugins as builtins } from "outrider/plugins";
import { describe, expect, it } from "vitest";
import { parametersFor } from "../clients/needed-parameters.ts";
import { plugins } from "./broken-plugins/plugins.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const main = fileURLToPath(new URL("./broken-plugins/main.ts", import.meta.url));
const outrider = fileURLToPath(new URL("../../host/outrider/src/main.ts", import.meta.url));

/** Rules that start a process anew: of interest where it is the process that is broken. */
const restarting = ["C3", "C4", "C5", "C6"];

/** What a slow machine may be warned of. */
const latencyRule = "C54";

function verify(command: readonly string[], options: Partial<Parameters<typeof verifyPlugin>[0]> = {}) {
  const subject = { kind: "command", command: { command, cwd: root, env: {} } } as const;
  return verifyPlugin({ subject, seed: 11, startMs: 10_000, patienceMs: 2_500, ...options });
}

function idsOf({ results }: VerifyReport, wanted: VerifyReport["results"][number]["outcome"]): readonly string[] {
  return results
    .filter(({ rule, outcome }) => outcome === wanted && rule.id !== latencyRule)
    .map(({ rule }) => rule.id);
}

/** What failed, for the message of an assertion. */
function findingsOf({ results }: VerifyReport): string {
  return results
    .map(({ rule, finding }) => (finding === undefined ? "" : `${rule.id} ${JSON.stringify(finding)}`))
    .join("");
}

/** Every process of built-in plugins; one with a type that needs parameters is looked at type by type. */
function toSubjects() {
  const types = Object.entries(builtins).map(([type, { main: path }]) => ({ type, path }));
  const isNeedy = (path: string) => types.some((of) => of.path === path && parametersFor(of.type) !== undefined);
  const alone = types.map(({ type, path }) => {
    const parameters = JSON.stringify(parametersFor(type) ?? {});
    return { path, title: `${type} of ${path.slice(root.length)}`, options: { type, parameters } };
  });
  const whole = [...new Set(types.map(({ path }) => path))].map((path) => ({ path, title: path.slice(root.length) }));
  return [
    ...whole.filter(({ path }) => !isNeedy(path)).map((subject) => ({ ...subject, options: {} })),
    ...alone.filter(({ path }) => isNeedy(path)),
  ];
}

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command as a user would. */
function run(...args: readonly string[]): Promise<Ended> {
  return new Promise((resolve) => {
    execFile(process.execPath, [outrider, "plugin", "verify", ...args], { cwd: root }, (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === "number" ? error.code : 0, stdout, stderr });
    });
  });
}

describe.concurrent("the command outrider plugin verify", { timeout: 120_000 }, () => {
  const usage = [
    { title: "no plugin", args: [], says: "missing required argument" },
    { title: "a quote that is not closed", args: ["node 'x"], says: "a ' is not closed" },
    { title: "an address without a host", args: ["http://"], says: "is no address" },
    { title: "a level that there is not", args: ["x", "--level", "high"], says: "Allowed choices are" },
    { title: "parameters that are no JSON", args: ["x", "--parameters", "{"], says: "JSON is needed" },
    { title: "a rule that there is not", args: ["x", "--rules", "C999"], says: "there is no rule C999" },
    { title: "a token for a command", args: ["x", "--token-file", "y"], says: "--token-file is for an address" },
  ];
  for (const { title, args, says } of usage) {
    it(`ends with 2 for ${title}`, async () => {
      const { code, stdout, stderr } = await run(...args);
      expect(stderr).toContain(says);
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    });
  }

  it("ends with 1 where a rule is broken, and names it with the frame and the remedy", async () => {
    const plugin = `"${process.execPath}" ${main} leaves-one-out`;
    const { code, stdout } = await run(plugin, "--rules", "C18", "--seed", "9");
    expect(stdout).toMatch(/FAIL {2}C18 .*\n +expected .*\n +came .*\n +frame +received: \{"callId".*\n +remedy /);
    expect(stdout).toContain("; seed 9\n");
    expect(code).toBe(1);
  });

  it("ends with 1 where the command cannot be started", async () => {
    const { code, stdout } = await run("/no/such/program", "--json");
    const report = JSON.parse(stdout);
    expect(report).toMatchObject({ level: null, failed: 1, skipped: rules.length - 1 });
    expect(report.rules[0]).toMatchObject({ id: "C1", outcome: "failed", remedy: rules[0]!.remedy });
    expect(code).toBe(1);
  });

  it("ends with 0 where all is well, and writes a report for CI", async () => {
    const { code, stdout, stderr } = await run(
      `${process.execPath} ${main} good-basic`,
      "--rules",
      "C48",
      "--junit",
      "-",
    );
    expect(stdout).toMatch(/^<\?xml [\s\S]*failures="0"[\s\S]*<\/testsuites>\n$/);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

describe.concurrent("outrider plugin verify", { timeout: 120_000 }, () => {
  for (const [name, { breaks, warns = [] }] of Object.entries(plugins)) {
    const isLasting = breaks.every((id) => !restarting.includes(id)) && breaks.length > 0;
    const some = rules.map(({ id }) => id).filter((id) => !restarting.includes(id));
    const title =
      breaks.length === 0 ? `finds no fault with ${name}` : `finds that ${name} breaks ${breaks.join(", ")}`;
    it(title, async () => {
      const report = await verify([process.execPath, main, name], isLasting ? { rules: some } : {});
      expect(idsOf(report, "failed"), findingsOf(report)).toEqual(breaks);
      if (breaks.length === 0) expect(idsOf(report, "warned")).toEqual(warns);
    });
  }

  it("has a plugin that breaks it for every rule that can be broken by one", () => {
    const broken = new Set(Object.values(plugins).flatMap(({ breaks, warns = [] }) => [...breaks, ...warns]));
    const missing = rules.map(({ id }: Rule) => id).filter((id) => !broken.has(id));
    // The level is demanded by whoever calls, and slowness is no fault.
    expect(missing).toEqual([latencyRule, "C55"]);
  });

  for (const { path, title, options } of toSubjects()) {
    it(`finds no fault with ${title}`, async () => {
      const report = await verify([process.execPath, path], { grant: ["request.block_hashes"], ...options });
      expect(idsOf(report, "failed"), findingsOf(report)).toEqual([]);
      expect(report.level).toBe("session");
    });
  }

  it("finds no fault with a scorer of the TypeScript SDK", async () => {
    const report = await verify([process.execPath, "plugin-sdk/typescript/src/fixtures/queue-depth-main.ts"]);
    expect(idsOf(report, "failed"), findingsOf(report)).toEqual([]);
    expect(report.level).toBe("session");
  });

  it("finds no fault with the Python file of the standard library alone", async () => {
    const report = await verify(["python3", "examples/scorer-python-stdlib/scorer.py"], { level: "basic" });
    expect(idsOf(report, "failed"), findingsOf(report)).toEqual([]);
    expect(report.level).toBe("basic");
  });

  it("fails a plugin of a level below the one demanded", async () => {
    const report = await verify([process.execPath, main, "good-basic"], { level: "session", rules: ["C55"] });
    expect(idsOf(report, "failed")).toEqual(["C55"]);
  });

  it("asks the same with the same seed", async () => {
    const runs = await Promise.all(
      [1, 2].map(() => verify([process.execPath, main, "takes-unknown-for-0"], { rules: ["C31"], seed: 5 })),
    );
    const [first, second] = runs.map(({ results }) => results.find(({ rule }) => rule.id === "C31")?.finding);
    expect(first).toBeDefined();
    expect(first).toEqual(second);
  });

  it("refuses a type that is not served and a grant that is missing", async () => {
    await expect(verify([process.execPath, main, "good-session"], { type: "other" })).rejects.toThrow(
      'the plugin serves no type "other"; it serves waiting',
    );
    const prefixCache = builtins["prefix-cache"]!.main;
    await expect(verify([process.execPath, prefixCache])).rejects.toThrow("grant it with --grant request.block_hashes");
  });
});
