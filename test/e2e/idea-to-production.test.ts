import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs/from-idea-to-production.md"), "utf8");
const temporary = mkdtempSync(join(tmpdir(), "outrider-idea-"));
afterAll(() => rmSync(temporary, { recursive: true, force: true }));

/** What a reader types, and the files that a reader writes, in order; what needs a host in production is left out. */
function stepsOf(text: string): string {
  const blocks = [...text.matchAll(/^```(sh|yaml) ?(\S*)\n(.*?)^```$/gms)];
  return blocks
    .filter(([, , note]) => note !== "no-run")
    .map(([, language, file, content]) => (language === "yaml" ? `cat > ${file} <<'END'\n${content}END\n` : content))
    .join("\n");
}

function run(commands: string): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, TMPDIR: temporary };
    const shell = spawn("bash", ["-euo", "pipefail", "-c", commands], { cwd: root, env });
    let output = "";
    for (const stream of [shell.stdout, shell.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk));
    shell.once("close", (code) => resolve({ code, output }));
  });
}

describe("the page from an idea to production", () => {
  it("leads a scorer in Python from its scaffold to a comparison", { timeout: 600_000 }, async () => {
    const { code, output } = await run(stepsOf(page));
    expect(code, output.slice(-3000)).toBe(0);
    const calls = [...output.matchAll(/^calls of short-queue +(\d+) scored(.*)$/gm)];
    expect(calls).toHaveLength(4);
    expect(Number(calls[0]?.[1])).toBeGreaterThan(100);
    expect(calls[0]?.[2]).toBe("");
    expect(calls[2]?.[2]).toMatch(/\d+ late/);
    expect(output).toContain("report: report/report.html");
  });
});
