import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { Envoy } from "@outrider/example-envoy";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { envoyMissing, startEnvoyFor } from "../clients/envoy.ts";
import { type Host, startHost } from "../clients/host.ts";
import { listPlugins, pidOf } from "../clients/plugins.ts";
import { until } from "../clients/poll.ts";
import { runTraffic } from "../clients/traffic.ts";

const folder = fileURLToPath(new URL("plugins", import.meta.url));
const python = fileURLToPath(new URL("../../examples/scorer-python-stdlib/scorer.py", import.meta.url));

const config = `
apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
budget: 25ms
processes:
- { name: python, command: [python3, ${python}] }
- { name: garbage, command: [${process.execPath}, ${folder}/garbage.ts] }
- { name: slow, command: [python3, ${folder}/slow.py] }
plugins:
- { name: prefix, type: prefix-cache, placement: process, budget: 20ms, grant: [request.block_hashes] }
- { name: queue, type: queue-scorer, placement: process, budget: 20ms }
- { name: python, type: short-queue, process: python, budget: 20ms }
- { name: garbage, type: garbage, process: garbage }
- { name: slow, type: slow, process: slow }
- { name: best, type: max-score-picker, parameters: { maxNumOfEndpoints: 2 } }
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: prefix, weight: 3 }
  - { pluginRef: queue, weight: 2 }
  - { pluginRef: python }
  - { pluginRef: garbage }
  - { pluginRef: slow }
  - { pluginRef: best }
`;

describe.skipIf(envoyMissing !== undefined)(`plugins that misbehave${envoyMissing ? ` (${envoyMissing})` : ""}`, () => {
  let fleet: Fleet;
  let host: Host;
  let envoy: Envoy;

  beforeAll(async () => {
    fleet = await spawnFleet({ servers: 4, timeScale: 0.01, models: ["*"] });
    host = await startHost({ endpoints: fleet.endpoints, config, args: ["--no-warmup"] });
    envoy = await startEnvoyFor(host, fleet.endpoints);
  });
  afterAll(async () => {
    await envoy?.stop();
    await host?.stop();
    await fleet?.stop();
  });

  const misdeeds = {
    "killed again and again": async () => {
      for (let i = 0; i < 3; i++) {
        process.kill(-(await activePid("prefix")), "SIGKILL");
        await sleep(700);
      }
    },
    "stopped for two seconds": async () => {
      const pids = [await activePid("prefix"), await activePid("queue")];
      for (const pid of pids) process.kill(-pid, "SIGSTOP"); // the whole group: its leader is the guard
      await sleep(2000);
      for (const pid of pids) process.kill(-pid, "SIGCONT");
    },
    "killed all at once": async () => {
      for (const name of ["prefix", "queue", "python"]) process.kill(-(await activePid(name)), "SIGKILL");
    },
  };
  for (const [title, misdeed] of Object.entries(misdeeds)) {
    it(`fail no request at 200/s while plugins are ${title}, others slow or full of garbage`, async () => {
      const traffic = runTraffic({ door: envoy.overrideHost, ratePerS: 200, count: 1000 });
      await sleep(500);
      await misdeed();
      const { failures, answered } = await traffic;
      expect(failures).toEqual({});
      expect(answered).toBe(1000);
      await until(
        () => stateOf("prefix"),
        (state) => state === "active",
        40_000,
      );
    });
  }

  it("shows what each of them did", async () => {
    const plugins = Object.fromEntries(
      (await listPlugins(host.addresses.admin)).map((plugin) => [plugin.name, plugin]),
    );
    expect(plugins.prefix?.restarts).toBeGreaterThanOrEqual(4);
    expect(plugins.garbage?.state).not.toBe("active");
    expect(plugins.garbage?.calls?.scored ?? 0).toBe(0);
    expect((plugins.slow?.calls?.late ?? 0) + (plugins.slow?.calls?.failed ?? 0)).toBeGreaterThan(0);
  });

  it("leaves no process behind when the host is killed", async () => {
    const own = await startHost({ endpoints: fleet.endpoints, config, args: ["--no-warmup"] });
    await until(
      () => listPlugins(own.addresses.admin),
      (list) => list.filter(({ pid }) => pid).length >= 4,
    );
    const pids = descendantsOf(own.pid);
    expect(pids.length).toBeGreaterThanOrEqual(4);
    own.kill("SIGKILL");
    await own.exited;
    await sleep(2000);
    expect(pids.filter(isAlive)).toEqual([]);
  });

  async function activePid(name: string): Promise<number> {
    await until(
      () => stateOf(name),
      (state) => state === "active",
      30_000,
    );
    return pidOf(host.addresses.admin, name);
  }

  async function stateOf(name: string): Promise<string> {
    return (await listPlugins(host.addresses.admin)).find((plugin) => plugin.name === name)?.state ?? "";
  }
});

/** Pids of all processes below one, by the kernel's own list. */
function descendantsOf(root: number): number[] {
  const parents = new Map(
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .flatMap((pid) => {
        const stat = readStat(Number(pid));
        return stat === undefined ? [] : [[Number(pid), Number(stat.split(" ")[1])] as const];
      }),
  );
  const below = (pid: number): number[] =>
    [...parents].filter(([, parent]) => parent === pid).flatMap(([child]) => [child, ...below(child)]);
  return below(root);
}

function isAlive(pid: number): boolean {
  const stat = readStat(pid);
  return stat !== undefined && !stat.startsWith("Z");
}

/** State and parent of a process, as `S 123`; its name, which may hold anything, is cut off. */
function readStat(pid: number): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1);
  } catch {
    return undefined;
  }
}
