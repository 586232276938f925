import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const launcher = fileURLToPath(new URL("../bin/outrider.js", import.meta.url));
/** Has the launcher believe that it runs under Node 20. */
const asNode20 = `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.1.0"}})`;

let folder: string;
let installed: string;

/** The launcher as it is installed, with a main of the test's. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "outrider-launcher-"));
  installed = put("bin/outrider.js", "");
  copyFileSync(launcher, installed);
  put("package.json", '{ "type": "module" }');
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(path: string, text: string): string {
  const full = join(folder, path);
  mkdirSync(dirname(full), { recursive: true });
  writeFileSync(full, text);
  return full;
}

function putMain(code: string): void {
  put("dist/main.js", code);
}

function run(args: readonly string[], nodeArgs: readonly string[] = []) {
  return spawnSync(process.execPath, [...nodeArgs, installed, ...args], { encoding: "utf8", timeout: 20_000 });
}

/** A launcher whose child has printed its first line, which is given too. */
async function start(): Promise<{ process: ChildProcess; line: string; exited: Promise<number | string> }> {
  const child = spawn(process.execPath, [installed], { stdio: ["pipe", "pipe", "inherit"] });
  const exited = new Promise<number | string>((resolve) =>
    child.once("exit", (code, signal) => resolve(code ?? signal ?? "")),
  );
  const line = await new Promise<string>((resolve) => createInterface(child.stdout!).once("line", resolve));
  return { process: child, line, exited };
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe("the launcher", () => {
  it("passes arguments, streams and the exit code on, and sets the memory flags", () => {
    putMain(`console.log(JSON.stringify([process.argv.slice(2), process.execArgv])); process.exitCode = 7;`);
    const { status, stdout } = run(["serve", "-v=2", "--x", "a b"]);
    expect(status).toBe(7);
    expect(JSON.parse(stdout)).toEqual([
      ["serve", "-v=2", "--x", "a b"],
      ["--initial-old-space-size=512", "--min-semi-space-size=4", "--max-semi-space-size=4"],
    ]);
  });

  it("runs the real command", () => {
    const { status, stdout } = spawnSync(process.execPath, [launcher, "--version"], { encoding: "utf8" });
    expect({ status, stdout }).toEqual({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) });
  });

  it("takes the Node of the package `node` where its own is too old", () => {
    put("node_modules/node/package.json", '{ "name": "node", "bin": { "node": "bin/node" } }');
    const node = put("node_modules/node/bin/node", `#!/bin/sh\necho chosen\nexec ${process.execPath} "$@"\n`);
    chmodSync(node, 0o755);
    putMain("console.log('runs');");
    expect(run([], ["--import", asNode20]).stdout).toBe("chosen\nruns\n");
  });

  it("says what to do where there is no Node that will do", () => {
    const { status, stderr } = run([], ["--import", asNode20]);
    expect(status).toBe(2);
    expect(stderr).toBe(
      'outrider: needs Node 24 or newer (this is Node 20.1.0, and the package "node" has no binary; run: npm rebuild node)\n',
    );
  });

  for (const signal of ["SIGTERM", "SIGINT", "SIGHUP"] as const) {
    it(`passes ${signal} on and waits for what the child makes of it`, async () => {
      putMain(
        `process.on("${signal}", () => setTimeout(() => process.exit(3), 50)); setInterval(() => {}, 1000); console.log("up");`,
      );
      const { process: launched, exited } = await start();
      launched.kill(signal);
      expect(await exited).toBe(3);
    });
  }

  it("ends by the signal that ended the child", async () => {
    putMain("setInterval(() => {}, 1000); console.log(process.pid);");
    const { line, exited } = await start();
    process.kill(Number(line), "SIGKILL");
    expect(await exited).toBe("SIGKILL");
  });

  it("takes the child with it when it is killed", async () => {
    const module = JSON.stringify(new URL("launched.ts", import.meta.url).href);
    putMain(`import { endWithLauncher } from ${module};
      endWithLauncher(); setInterval(() => {}, 1000); console.log(process.pid);`);
    const { process: launched, line, exited } = await start();
    const pid = Number(line);
    expect(isAlive(pid)).toBe(true);
    launched.kill("SIGKILL");
    await exited;
    await expect.poll(() => isAlive(pid), { timeout: 10_000 }).toBe(false);
  });
});
