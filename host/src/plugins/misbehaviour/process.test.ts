import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { command, isAlive, type TestHost, until } from "../fixtures/harness.ts";
import { counted, expectDecided, runBadPlugin, slow } from "./run-bad-plugin.ts";

function socketsOf({ socketDir }: TestHost): string[] {
  const [folder] = readdirSync(socketDir).filter((name) => name.startsWith("p-"));
  return readdirSync(join(socketDir, folder!));
}

describe("a plugin's process that", slow, () => {
  it("forks and exits leaves nothing behind", async () => {
    const host = await runBadPlugin({}, { processes: [command("sh", "-c", "sleep 300 & echo child $!; exit 0")] });
    expect((await host.reach("mine", "quarantined")).message).toBe("5 ends within 120 s, last: exited with code 0");
    const pids = host.logs.filter(({ msg }) => msg.startsWith("child ")).map(({ msg }) => Number(msg.slice(6)));
    expect(pids.length).toBe(5);
    await until(
      () => !pids.some(isAlive),
      () => "a forked process lives on",
    );
    expect((await expectDecided(host)).kind).toBe("failed");
  });

  it("ignores SIGTERM is killed", async () => {
    const host = await runBadPlugin({ MODE: "ignores-sigterm" });
    const { pid } = host.status("mine");
    await host.runtime.stop();
    expect([isAlive(pid!), host.status("mine").state]).toEqual([false, "stopped"]);
  });

  it("leaves its socket behind finds another one; the old one is removed", async () => {
    const host = await runBadPlugin({});
    const [before] = socketsOf(host);
    process.kill(-host.status("mine").pid!, "SIGKILL");
    await until(
      () => host.status("mine").restarts === 1,
      () => "it was not started again",
    );
    await host.reach("mine", "active");
    expect((await expectDecided(host)).kind).toBe("scored");
    await until(
      () => !socketsOf(host).includes(before!),
      () => "the socket that it left is still there",
    );
    expect(socketsOf(host).length).toBe(1);
  });

  it("writes as fast as it can to stderr harms neither calls nor log; what was dropped is counted", async () => {
    const host = await runBadPlugin({ MODE: "floods" });
    for (let call = 0; call < 50; call += 1) {
      expect((await expectDecided(host)).kind).toBe("scored");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(await counted(host, "outrider_plugin_log_dropped_bytes_total")).toBeGreaterThan(1_000_000);
    expect(host.logs.filter(({ stream }) => stream === "stderr").length).toBeLessThan(3000);
    expect(host.logs.some(({ msg }) => msg === "output dropped: the plugin writes too much")).toBe(true);
    expect(host.status("mine")).toMatchObject({ state: "active", restarts: 0 });
  });

  it("is killed over and over ends in quarantine, and is released by its operator", async () => {
    const host = await runBadPlugin({}, { timing: { crashLimit: 3 } });
    for (let kill = 0; kill < 3; kill += 1) {
      const { pid } = await host.reach("mine", "active");
      process.kill(-pid!, "SIGKILL");
      await until(
        () => host.status("mine").pid !== pid,
        () => "it was not killed",
      );
    }
    expect((await host.reach("mine", "quarantined")).message).toMatch(
      /^3 ends within 120 s, last: was ended by SIGKILL/,
    );
    expect(host.runtime.release("other")).toBe(false);
    expect(host.runtime.release("nobody")).toBe(false);
    expect(host.runtime.release("mine")).toBe(true);
    await host.reach("mine", "active");
    expect((await expectDecided(host)).kind).toBe("scored");
    expect(host.runtime.release("mine")).toBe(false);
  });
});
