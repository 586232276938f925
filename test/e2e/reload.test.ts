import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Host, startHost } from "../clients/host.ts";
import { listPlugins } from "../clients/plugins.ts";
import { until } from "../clients/poll.ts";

const head = "apiVersion: outrider.dev/v1alpha1\nkind: EndpointPickerConfig\n";
const before = `${head}plugins: [{ name: queue, type: queue-scorer, placement: process }, { name: kv, type: kv-cache-utilization-scorer }]`;
const after = `${head}plugins: [{ name: queue, type: queue-scorer, placement: process }, { name: busy, type: active-request-scorer, placement: process }]`;

let folder: string;
let file: string;
let fleet: Fleet;
let host: Host;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "outrider-reload-"));
  file = join(folder, "epp.yaml");
  writeFileSync(file, before);
  fleet = await spawnFleet({ servers: 2, timeScale: 0.01, models: ["*"] });
  host = await startHost({ endpoints: fleet.endpoints, args: [`--config-file=${file}`, "--no-warmup"] });
});
afterAll(async () => {
  await host?.stop();
  await fleet?.stop();
  await rm(folder, { recursive: true });
});

async function plugins() {
  return Object.fromEntries((await listPlugins(host.addresses.admin)).map((plugin) => [plugin.name, plugin]));
}

it("puts another configuration in force at SIGHUP, and leaves alone what has not changed", async () => {
  const { pid } = (await plugins()).queue!;
  writeFileSync(file, after);
  host.kill("SIGHUP");
  const now = await until(plugins, ({ busy }) => busy?.state === "active", 20_000);
  expect(Object.keys(now)).toEqual(["queue", "busy"]);
  expect(now.queue?.pid).toBe(pid);
  expect(await host.metric("outrider_config_generation")).toBe(2);
});

it("keeps the one in force where the other is wrong, and says where", async () => {
  writeFileSync(file, `${after}\nbudget: 5`);
  host.kill("SIGHUP");
  await until(
    async () => host.log(),
    (log) => log.includes("the configuration before stays in force"),
  );
  expect(host.log()).toContain(`${file}:4:9 budget`);
  expect(Object.keys(await plugins())).toEqual(["queue", "busy"]);
});
