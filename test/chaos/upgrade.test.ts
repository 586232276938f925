import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, expect, it } from "vitest";
import { runLoad } from "../bench/decision/load.ts";
import { makeRequests } from "../bench/messages.ts";
import { type Host, startHost } from "../clients/host.ts";
import { listPlugins, type PluginView, pidOf } from "../clients/plugins.ts";
import { until } from "../clients/poll.ts";

const main = fileURLToPath(new URL("../../host/outrider/src/main.ts", import.meta.url));
const ratePerS = 500;
const requests = makeRequests();

/** A budget that two cores keep which the load, the model servers, the host, its plugins and their successors share. */
const config = `
apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
budget: 100ms
plugins:
- { name: prefix, type: prefix-cache, placement: process, grant: [request.block_hashes] }
- { name: queue, type: queue-scorer, placement: process }
- { name: inline, type: active-request-scorer }
`;

let fleet: Fleet;
let host: Host;
beforeAll(async () => {
  fleet = await spawnFleet({ servers: 4, timeScale: 0.01, models: ["*"] });
  host = await startHost({ endpoints: fleet.endpoints, config });
});
afterAll(async () => {
  await host?.stop();
  await fleet?.stop();
});

it("upgrades plugins under 500 requests a second without a failed request or a moment without a generation", async () => {
  const before = await callsOf(() => load(8));
  expect(before.failed).toBe(0);
  const pids = await Promise.all(["prefix", "queue"].map((name) => pidOf(host.addresses.admin, name)));

  const watch = watchStates();
  const during = await callsOf(async () => {
    const traffic = load(30);
    try {
      for (const name of ["prefix", "queue"]) await upgrade(name);
    } finally {
      await traffic;
      await watch.stop();
    }
    return traffic;
  });

  expect(during.failed).toBe(0);
  expect(watch.seen.filter((state) => state !== "active")).toEqual([]);
  expect(watch.seen.length).toBeGreaterThan(50);
  expect(during.lateShare).toBeLessThanOrEqual(before.lateShare + 0.01);
  const views = await plugins();
  expect([views.prefix?.generation, views.queue?.generation]).toEqual([2, 2]);
  const now = await Promise.all(["prefix", "queue"].map((name) => pidOf(host.addresses.admin, name)));
  expect(now.some((pid) => pids.includes(pid))).toBe(false);
  await until(
    async () => pids.filter(isAlive),
    (left) => left.length === 0,
  );
});

function load(seconds: number) {
  return runLoad({ address: host.addresses.extProc, ratePerS, seconds }, requests);
}

/** What the plugins' calls of a run came to: shares of all calls put to the two processes. */
async function callsOf(run: () => ReturnType<typeof load>) {
  const before = await countCalls();
  const { failed } = await run();
  const after = await countCalls();
  return { failed, lateShare: (after.late - before.late) / (after.all - before.all) };
}

async function countCalls() {
  const { prefix, queue } = await plugins();
  const calls = [prefix, queue].map((view) => view?.calls ?? {});
  const sum = (read: (counts: NonNullable<PluginView["calls"]>) => number) =>
    calls.reduce((total, counts) => total + read(counts), 0);
  return {
    late: sum(({ late = 0, failed = 0 }) => late + failed),
    all: sum((counts) => Object.values(counts).reduce((total, count) => total + count, 0)),
  };
}

async function plugins(): Promise<Readonly<Record<string, PluginView>>> {
  return Object.fromEntries((await listPlugins(host.addresses.admin)).map((view) => [view.name, view]));
}

/** States of both processes, again and again until it is stopped. */
function watchStates() {
  const seen: string[] = [];
  let isOver = false;
  const watching = (async () => {
    while (!isOver) {
      const { prefix, queue } = await plugins();
      seen.push(prefix?.state ?? "gone", queue?.state ?? "gone");
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  })();
  return {
    seen,
    async stop() {
      isOver = true;
      await watching;
    },
  };
}

/** As an operator upgrades. */
async function upgrade(name: string): Promise<void> {
  const args = [main, "plugin", "upgrade", name, "--admin", `http://${host.addresses.admin}`];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  expect(stdout).toMatch(/generation 2 has taken over; \d+(\.\d)? % of \d+ calls had the same best endpoints/);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}
