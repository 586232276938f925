import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { beforeAll, describe, expect, it } from "vitest";
import { installPythonSdk, type PythonEnvironment, pythonSdk } from "../../clients/python.ts";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const minutes = 60_000;

let full: PythonEnvironment;
let bare: PythonEnvironment;
beforeAll(() => {
  full = installPythonSdk("full", ["numpy", "reflection"], ["pytest==9.2.0", "mypy==2.4.1", "ruff==0.17.6"]);
  bare = installPythonSdk("bare", [], ["pytest==9.2.0"]);
}, 10 * minutes);

describe("the Python SDK", () => {
  it("carries the contract as it is compiled from the .proto", () => {
    const file = join(pythonSdk, "src/outrider_plugin/contract.binpb");
    const paths = ["--path", "outrider/scorer", "--path", "grpc/health"];
    const build = ["build", ...paths, "--exclude-source-info", "--as-file-descriptor-set", "--output"];
    const protos = join(root, "protos");
    const compiled = execFileSync(join(root, "node_modules/.bin/buf"), [...build, "-"], { cwd: protos });
    const isSame = compiled.equals(readFileSync(file));
    expect(isSame, `${file} is old: run \`buf ${build.join(" ")} ${relative(protos, file)}\` in protos`).toBe(true);
  });

  it("passes its own tests where NumPy and reflection are installed", () => {
    expect(full.run(["-m", "pytest", "-q", "-p", "no:cacheprovider"], pythonSdk)).toMatch(/\d+ passed/);
  });

  it("passes its own tests where they are not", () => {
    expect(() => bare.run(["-c", "import numpy"], pythonSdk)).toThrow(/No module named 'numpy'/);
    const deselected = ["-k", "not WithNumPy and not Reflection"];
    const said = bare.run(["-m", "pytest", "-q", "-p", "no:cacheprovider", ...deselected], pythonSdk);
    expect(said).toMatch(/\d+ passed/);
    expect(said).not.toMatch(/skipped|failed/);
  });

  it("has types that strict checking agrees with", () => {
    const cache = join(root, ".cache/python/mypy");
    expect(full.run(["-m", "mypy", "--cache-dir", cache], pythonSdk)).toContain("no issues found");
  });

  it("is formatted, and lint finds nothing", () => {
    full.run(["-m", "ruff", "check", "--no-cache", "."], pythonSdk);
    full.run(["-m", "ruff", "format", "--no-cache", "--check", "."], pythonSdk);
  });
});

describe("the page of the Python SDK", () => {
  const page = readFileSync(join(pythonSdk, "README.md"), "utf8");
  const files = [...page.matchAll(/```python\n# (\S+)\n([\s\S]*?)```/g)].map(([, name = "", code = ""]) => ({
    name,
    code,
  }));
  const writeAll = (): string => {
    mkdirSync(join(root, ".cache/python"), { recursive: true });
    const folder = mkdtempSync(join(root, ".cache/python/readme-"));
    for (const { name, code } of files) writeFileSync(join(folder, name), code);
    return folder;
  };

  it("shows a scorer in under ten lines", () => {
    expect(files.map(({ name }) => name)).toEqual(["short_queue.py", "sticky.py", "half_full.py", "test_scorers.py"]);
    const lines = files[0]!.code.split("\n").filter((line) => line.trim() !== "");
    expect(lines.length).toBeLessThan(10);
  });

  it("shows tests that pass", () => {
    const folder = writeAll();
    expect(full.run(["-m", "pytest", "-q", "-p", "no:cacheprovider"], folder)).toMatch(/27 passed/);
    rmSync(folder, { recursive: true });
  });

  it("shows a class whose types strict checking agrees with", () => {
    const folder = writeAll();
    const cache = join(root, ".cache/python/mypy-readme");
    const config = ["--config-file", "/dev/null", "--strict", "--cache-dir", cache];
    expect(full.run(["-m", "mypy", ...config, "sticky.py"], folder)).toContain("no issues found");
    rmSync(folder, { recursive: true });
  });
});
