import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { type GuardedProcess, spawnGuarded } from "./guard.ts";

const env = { PATH: process.env.PATH ?? "" };
const folder = mkdtempSync(join(tmpdir(), "outrider-guard-"));
const started: GuardedProcess[] = [];
afterEach(async () => {
  for (const child of started.splice(0)) await child.terminate(0);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Writes its own number to a file, and does what follows. */
const sayPid = (file: string) => `echo $$ > ${file}.new && mv ${file}.new ${file}`;
const never = "while :; do sleep 1; done";

describe("a guarded command", () => {
  const cases = [
    { title: "ends with its exit code", script: "exit 7", want: { code: 7, signal: null } },
    { title: "ends with 128 + n where signal n ended it", script: "kill -9 $$", want: { code: 137, signal: null } },
    { title: "finds its input empty", script: "cat; exit 3", want: { code: 3, signal: null } },
  ];
  for (const { title, script, want } of cases) {
    it(title, async () => expect(await run(script).exited).toEqual(want));
  }

  it("that does not exist ends with 127 and says so", async () => {
    const child = start({ command: "/no/such/command", args: [], env, cwd: folder });
    let said = "";
    child.stderr.on("data", (chunk) => (said += chunk));
    expect(await child.exited).toEqual({ code: 127, signal: null });
    expect(said).toContain("/no/such/command");
  });

  it("in a folder that does not exist ends with 127", async () => {
    const child = start({ command: "true", args: [], env, cwd: join(folder, "none") });
    expect(await child.exited).toEqual({ code: 127, signal: null });
    expect(await child.terminate(10)).toEqual({ code: 127, signal: null });
  });

  it("gets its arguments as they are, its environment and nothing else", async () => {
    const child = start({
      command: "/bin/sh",
      args: ["-c", 'echo "$1|$A|$HOME"', "sh", "a b'$c"],
      env: { ...env, A: "1" },
      cwd: folder,
    });
    let said = "";
    child.stdout.on("data", (chunk) => (said += chunk));
    await once(child.stdout, "end");
    expect(said).toBe("a b'$c|1|\n");
  });

  it("takes what it has left behind with it", async () => {
    const file = path();
    const child = run(
      `(trap '' TERM; ${sayPid("$0")}; ${never}) & while ! test -e ${file}; do sleep 0.05; done; exit 5`,
      file,
    );
    expect(await child.exited).toEqual({ code: 5, signal: null });
    await gone(pidIn(file));
  });

  it("gets TERM when it is terminated, and may end in its own time", async () => {
    const file = path();
    const child = run(`trap 'sleep 0.3; exit 9' TERM; ${sayPid(file)}; ${never}`);
    await appears(file);
    expect(await child.terminate(10_000)).toEqual({ code: 9, signal: null });
  });

  it("that ignores TERM is killed with its group after the grace", async () => {
    const file = path();
    const child = run(`trap '' TERM; ${sayPid(file)}; ${never}`);
    await appears(file);
    expect(await child.terminate(100)).toEqual({ code: null, signal: "SIGKILL" });
    await gone(pidIn(file));
  });

  it("does not outlive its guard", async () => {
    const file = path();
    const child = run(`trap '' TERM; ${sayPid(file)}; ${never}`);
    await appears(file);
    process.kill(child.pid!, "SIGKILL");
    expect(await child.exited).toEqual({ code: null, signal: "SIGKILL" });
    await gone(pidIn(file));
  });
});

describe("within two seconds of the death by SIGKILL of whoever started it", () => {
  const cases = [
    { title: "a plain command is gone", script: `${sayPid("$0")}; exec sleep 300` },
    { title: "a command that ignores TERM is gone", script: `trap '' TERM; ${sayPid("$0")}; ${never}` },
    {
      title: "a command that forked and went away is gone",
      script: `(trap '' TERM HUP; ${sayPid("$0")}; ${never}) & wait`,
    },
  ];
  for (const { title, script } of cases) {
    it(title, async () => {
      const file = path();
      const host = startHost(script, file);
      await appears(file);
      const pid = pidIn(file);
      process.kill(host, "SIGKILL");
      await gone(pid);
    });
  }

  /** Another process that starts a guarded command, and does nothing else. */
  function startHost(script: string, file: string): number {
    const main = `${file}.mjs`;
    const guard = JSON.stringify(new URL("./guard.ts", import.meta.url).href);
    const command = JSON.stringify({ command: "/bin/sh", args: ["-c", script, file], env, cwd: folder });
    writeFileSync(
      main,
      `import { spawnGuarded } from ${guard};\nspawnGuarded(${command});\nsetInterval(() => {}, 1000);\n`,
    );
    return spawn(process.execPath, [main], { stdio: "ignore" }).pid!;
  }
});

let count = 0;

function path(): string {
  count += 1;
  return join(folder, `pid-${count}`);
}

function run(script: string, name = "sh"): GuardedProcess {
  return start({ command: "/bin/sh", args: ["-c", script, name], env, cwd: folder });
}

function start(command: Parameters<typeof spawnGuarded>[0]): GuardedProcess {
  const child = spawnGuarded(command);
  started.push(child);
  return child;
}

async function appears(file: string): Promise<void> {
  await expect.poll(() => isThere(file), { timeout: 10_000 }).toBe(true);
}

function isThere(file: string): boolean {
  try {
    return pidIn(file) > 0;
  } catch {
    return false;
  }
}

function pidIn(file: string): number {
  return Number(readFileSync(file, "utf8"));
}

/** Fails unless a process is gone in two seconds. */
async function gone(pid: number): Promise<void> {
  const endMs = performance.now() + 2_000;
  while (isRunning(pid)) {
    if (performance.now() > endMs) expect.fail(`process ${pid} is still there`);
    await delay(50);
  }
}

/** Dead ones count as gone even before whoever inherited them has noticed. */
function isRunning(pid: number): boolean {
  const state = spawnSync("ps", ["-o", "stat=", "-p", String(pid)]).stdout.toString();
  return state !== "" && !state.startsWith("Z");
}
