import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { beforeAll, expect, it } from "vitest";
import { installPythonSdk, type PythonEnvironment, pythonSdk } from "../../clients/python.ts";

const main = fileURLToPath(new URL("../../../host/outrider/src/main.ts", import.meta.url));

let bare: PythonEnvironment;
beforeAll(() => {
  bare = installPythonSdk("bare", [], ["pytest==9.2.0"]);
}, 600_000);

const plugins = ["team", "parity"].map((name) => ({
  name: `${name}.py`,
  level: name === "team" ? "push" : "session",
  code: readFileSync(new URL(`plugins/${name}.py`, import.meta.url), "utf8"),
}));
const page = readFileSync(join(pythonSdk, "README.md"), "utf8");
const shown = [...page.matchAll(/```python\n# (short_queue|sticky)\.py\n([\s\S]*?)```/g)];
const cases = [
  ...plugins,
  ...shown.map(([, name = "", code = ""]) => ({ name: `${name}.py of the page`, level: "session", code })),
];

for (const { name, level, code } of cases) {
  it(`${name} keeps every rule of a plugin of the level ${level}`, { timeout: 300_000 }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "outrider-python-"));
    const file = join(folder, "plugin.py");
    writeFileSync(file, code);
    const args = ["plugin", "verify", `${bare.python} ${file}`, "--level", level, "--grant", "veto", "--seed", "7"];
    const { stdout } = await promisify(execFile)(process.execPath, [main, ...args]);
    expect(stdout).toMatch(/\d+ rules: \d+ passed, 0 failed/);
    rmSync(folder, { recursive: true });
  });
}

it("is asked of four plugins", () => expect(cases).toHaveLength(4));
