import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Everything that has to hold before a change lands: gates, then the test suites. Prints a line a gate and ends with
 * `N passed, N failed`. Names of gates or vitest projects as arguments run only these.
 */
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const report = join(root, ".cache", "vitest.json");

const gates: readonly (readonly [name: string, command: readonly string[]])[] = [
  ["format", ["biome", "check", "."]],
  ["lint", ["oxlint", "--type-aware", "--deny-warnings"]],
  ["types", ["tsc", "--noEmit"]],
  ["generated", ["node", "scripts/generate.ts", "--check"]],
  ["lock", ["node", "scripts/lock.ts"]],
  ["unused", ["knip", "--no-progress"]],
];
const suites = ["unit", "conformance", "e2e", "chaos"];

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !suites.includes(name) && !gates.some(([gate]) => gate === name));
if (unknown.length > 0) {
  console.error(`unknown: ${unknown.join(", ")}; known: ${[...gates.map(([gate]) => gate), ...suites].join(", ")}`);
  process.exit(2);
}
const isWanted = (name: string) => wanted.length === 0 || wanted.includes(name);

let passed = 0;
let failed = 0;
for (const [name, command] of gates.filter(([gate]) => isWanted(gate))) {
  const { code, output, seconds } = await runCaptured(command);
  if (code === 0) passed++;
  else failed++;
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${name} (${seconds.toFixed(1)} s)`);
  if (code !== 0) console.log(output);
}
const projects = suites.filter(isWanted);
if (projects.length > 0) await runSuites(projects);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;

/** Runs vitest and adds its counts; a run that leaves no report, or an error outside tests, is one failure. */
async function runSuites(names: readonly string[]): Promise<void> {
  mkdirSync(dirname(report), { recursive: true });
  rmSync(report, { force: true });
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const code = await runShown(["vitest", "run", ...names.flatMap((name) => ["--project", name]), ...reporters]);
  const counts = existsSync(report)
    ? (JSON.parse(readFileSync(report, "utf8")) as { numPassedTests: number; numFailedTests: number })
    : { numPassedTests: 0, numFailedTests: 0 };
  passed += counts.numPassedTests;
  failed += counts.numFailedTests === 0 && code !== 0 ? 1 : counts.numFailedTests;
}

function runShown([file = "", ...argv]: readonly string[]): Promise<number> {
  return new Promise((resolve) => {
    const child = spawn(file, argv, { cwd: root, stdio: "inherit" });
    child.on("close", (code) => resolve(code ?? 1));
  });
}

function runCaptured([file = "", ...argv]: readonly string[]) {
  const startedAt = performance.now();
  return new Promise<{ code: number; output: string; seconds: number }>((resolve) => {
    const child = spawn(file, argv, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const output: Buffer[] = [];
    child.stdout.on("data", (data: Buffer) => output.push(data));
    child.stderr.on("data", (data: Buffer) => output.push(data));
    const settle = (code: number) =>
      resolve({ code, output: Buffer.concat(output).toString(), seconds: (performance.now() - startedAt) / 1000 });
    child.on("error", (error) => {
      output.push(Buffer.from(`cannot start ${file}: ${error.message}\n`));
      settle(1);
    });
    child.on("close", (code) => settle(code ?? 1));
  });
}
