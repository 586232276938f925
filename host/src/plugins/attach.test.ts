import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createTestHost, freePort, plugin, quick, scripted, type TestHost } from "./fixtures/harness.ts";
import type { ProcessSpec } from "./types.ts";

let host: TestHost | undefined;
let folder: string;
const children: ChildProcess[] = [];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "outrider-"));
});

afterEach(async () => {
  await host?.close();
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(folder, { recursive: true });
});

/** Starts the scripted plugin as its author would, without the host. */
function startPlugin(env: Record<string, string>): ChildProcess {
  const { command } = scripted() as Extract<ProcessSpec, { kind: "command" }>;
  const child = spawn(command[0]!, command.slice(1), { env, stdio: "ignore" });
  children.push(child);
  return child;
}

/** Its configuration would start a process that exits at once. */
async function attach(url: string, timing = {}): Promise<TestHost> {
  const specs = [plugin("mine"), plugin("other", { process: "beside" })];
  const processes = [scripted({ MODE: "exits" }), scripted({}, "beside")];
  host = await createTestHost({
    specs,
    processes,
    attach: new Map([["team", url]]),
    timing: { ...quick, ...timing },
  });
  await host.runtime.start(500);
  return host;
}

/** Processes take their time on a busy machine. */
const slow = { timeout: 60_000 };

describe("a process that is attached to", slow, () => {
  it("is not started but waited for, and found again", async () => {
    const socket = join(folder, "plugin.sock");
    const { reach, outcome, status } = await attach(`unix:${socket}`);
    expect(status("mine")).toMatchObject({ pid: undefined, state: expect.stringMatching(/backoff|handshaking/) });
    const child = startPlugin({ OUTRIDER_PLUGIN_SOCKET: socket });
    await reach("mine", "active");
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
    child.kill("SIGKILL");
    await reach("mine", "backoff");
    rmSync(socket);
    startPlugin({ OUTRIDER_PLUGIN_SOCKET: socket });
    await reach("mine", "active");
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
    expect(status("other")).toMatchObject({ state: "active", pid: expect.any(Number) });
  });

  it("may listen on a port", async () => {
    const port = String(await freePort());
    startPlugin({ TCP_PORT: port });
    const { reach, outcome } = await attach(`h2c://127.0.0.1:${port}`);
    await reach("mine", "active");
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
  });

  it("is given all the time it takes at a break point", async () => {
    const socket = join(folder, "plugin.sock");
    const child = startPlugin({ OUTRIDER_PLUGIN_SOCKET: socket });
    const { reach, outcome, status } = await attach(`unix:${socket}`, {
      handshakeMs: 200,
      syncMs: 200,
      degradedMs: 100,
      resyncMs: 200,
    });
    await reach("mine", "active");
    child.kill("SIGSTOP");
    expect(await outcome("mine", 20)).toMatchObject({ kind: "late" });
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(status("mine")).toMatchObject({ state: "active", restarts: 0 });
    child.kill("SIGCONT");
    expect(await outcome("mine")).toMatchObject({ kind: "scored" });
    expect(status("mine").restarts).toBe(0);
  });

  for (const mode of ["error", "nan"]) {
    it(`is neither ejected nor put in quarantine for answers such as ${mode}`, async () => {
      const socket = join(folder, "plugin.sock");
      startPlugin({ OUTRIDER_PLUGIN_SOCKET: socket, MODE: mode });
      const { reach, outcome, status } = await attach(`unix:${socket}`);
      await reach("mine", "active");
      for (let call = 0; call < 10; call += 1) expect((await outcome("mine")).kind).toBe("failed");
      expect(status("mine").state).toBe("active");
    });
  }
});
