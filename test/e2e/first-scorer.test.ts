import { spawn } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(join(root, "docs/your-first-scorer.md"), "utf8");
/** Model servers that the page names: what a reader has to put in the place of. */
const readersEndpoints = "127.0.0.1:8001,127.0.0.1:8002";

let fleet: Fleet;
let temporary: string;
beforeAll(async () => {
  fleet = await spawnFleet({ servers: 2, timeScale: 0.01, models: ["*"] });
  temporary = mkdtempSync(join(tmpdir(), "outrider-first-scorer-"));
});
afterAll(async () => {
  await fleet?.stop();
  rmSync(temporary, { recursive: true, force: true });
});

/** What a reader types who has chosen a language, in order. */
function commandsOf(language: string): string {
  const blocks = [...page.matchAll(/^```sh ?(\S*)\n(.*?)^```$/gms)];
  const chosen = blocks.filter(([, only]) => only === "" || only === language).map(([, , text]) => text);
  return chosen.join("\n").replace(readersEndpoints, fleet.endpoints.join(","));
}

/** Output of a shell that ends with the first command that fails. */
function run(commands: string): Promise<{ readonly code: number | null; readonly output: string }> {
  return new Promise((resolve) => {
    const env = { ...process.env, TMPDIR: temporary };
    const shell = spawn("bash", ["-euo", "pipefail", "-c", commands], { cwd: root, env, detached: true });
    let output = "";
    for (const stream of [shell.stdout, shell.stderr]) stream.on("data", (chunk: Buffer) => (output += chunk));
    shell.once("close", (code) => {
      if (code !== 0) killGroup(shell.pid);
      resolve({ code, output });
    });
  });
}

/** A reader's host, where a command behind its start has failed. */
function killGroup(pid: number | undefined): void {
  try {
    if (pid !== undefined) process.kill(-pid, "SIGTERM");
  } catch {
    // All of it has ended already.
  }
}

describe("the page of the first scorer", () => {
  for (const language of ["python-stdlib", "python", "ts", "go"]) {
    it(`leads to a scorer that decides, in ${language}`, { timeout: 300_000 }, async () => {
      const { code, output } = await run(commandsOf(language));
      expect(output).toMatch(/0 failed/);
      const row = output.split("\n").find((line) => line.startsWith("short-queue ") && line.includes(" active "));
      const [, , , , , scored] = row?.split(/\s{2,}/) ?? [];
      expect({ row: row ?? output.slice(-3000), code }).toMatchObject({ code: 0 });
      expect(Number(scored)).toBeGreaterThan(0);
    });
  }
});
