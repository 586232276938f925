import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { latestDecisions, showConfig } from "../clients/config.ts";
import { exchange } from "../clients/exchange.ts";
import { type Host, startHost } from "../clients/host.ts";
import { listPlugins } from "../clients/plugins.ts";
import { until } from "../clients/poll.ts";

const main = fileURLToPath(new URL("../../host/outrider/src/main.ts", import.meta.url));
const head = "apiVersion: outrider.dev/v1alpha1\nkind: EndpointPickerConfig\n";
const before = `${head}plugins: [{ name: queue, type: queue-scorer, placement: process }, { name: kv, type: kv-cache-utilization-scorer }]`;
const after = `${head}plugins: [{ name: queue, type: queue-scorer, placement: process }, { name: busy, type: active-request-scorer, placement: process }]`;
const wrong = `${after}\nbudget: 5`;

let fleet: Fleet;
beforeAll(async () => {
  fleet = await spawnFleet({ servers: 2, timeScale: 0.01, models: ["*"] });
});
afterAll(() => fleet?.stop());

let folder: string;
let file: string;
let host: Host;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "outrider-reload-"));
  file = join(folder, "epp.yaml");
  writeFileSync(file, before);
});
afterEach(async () => {
  await host?.stop();
  await rm(folder, { recursive: true });
});

async function start(...args: string[]): Promise<void> {
  const flags = [`--config-file=${file}`, "--no-warmup", "--gateway-port=0", ...args];
  host = await startHost({ endpoints: fleet.endpoints, args: flags });
}

async function plugins() {
  return Object.fromEntries((await listPlugins(host.addresses.admin)).map((plugin) => [plugin.name, plugin]));
}

/** As an operator asks. */
async function config(...words: string[]): Promise<string> {
  const args = [main, "config", ...words, "--admin", `http://${host.addresses.admin}`];
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args).catch(
    (error: unknown) => error as never,
  );
  return `${stdout}${stderr}`;
}

describe("a configuration file that changes", () => {
  it("is put in force by itself, and what has not changed is left alone", async () => {
    await start();
    const { pid } = (await plugins()).queue!;
    writeFileSync(file, after);
    const now = await until(plugins, ({ busy }) => busy?.state === "active", 20_000);
    expect(Object.keys(now)).toEqual(["queue", "busy"]);
    expect(now.queue?.pid).toBe(pid);
    expect(await host.metric("outrider_config_generation")).toBe(2);
    expect(await host.metric("outrider_config_last_reload_success")).toBe(1);
  });

  it("changes nothing where it is wrong, and the host says where", async () => {
    await start();
    writeFileSync(file, wrong);
    const { refused } = await until(
      () => showConfig(host.addresses.admin),
      (shown) => shown.refused !== undefined,
    );
    expect(refused).toMatchObject({ cause: "file", message: expect.stringContaining(`${file}:4:9 budget`) });
    expect(host.log()).toContain("the configuration before stays in force");
    expect(await host.metric("outrider_config_last_reload_success")).toBe(0);
    expect(Object.keys(await plugins())).toEqual(["queue", "kv"]);
  });

  it("waits for SIGHUP or an operator where it is not watched", async () => {
    await start("--watch-config=false");
    writeFileSync(file, after);
    host.kill("SIGHUP");
    await until(plugins, ({ busy }) => busy?.state === "active", 20_000);
    writeFileSync(file, before);
    expect(await config("reload")).toBe("the configuration is in force as generation 3\n");
    expect(await config("reload")).toBe("the configuration has not changed: generation 3\n");
    writeFileSync(file, wrong);
    expect(await config("reload")).toContain(`answers FailedPrecondition: ${file}:4:9 budget`);
    expect((await showConfig(host.addresses.admin)).generation).toBe(3);
  });
});

describe("an operator", () => {
  it("goes back to an earlier configuration, and sees what was in force", async () => {
    await start();
    writeFileSync(file, after);
    await until(plugins, ({ busy }) => busy?.state === "active", 20_000);
    expect(await config("rollback")).toMatch(/^generation 1 is in force again, as generation 3, until /);
    expect(Object.keys(await plugins())).toEqual(["queue", "kv"]);
    expect(await config("rollback", "--to", "9")).toContain("generation 9 is not kept; kept: 3, 2, 1");
    const rows = (await config("history")).trimEnd().split("\n");
    expect(rows.map((row) => row.split(/ {2,}/).filter((_, i) => i === 0 || i === 2))).toEqual([
      ["GENERATION", "CAUSE"],
      ["3", "rollback to 1"],
      ["2", "file"],
      ["1", "start"],
    ]);
  });

  it("weighs scorers for a while, and decisions hold the weights that they were made with", async () => {
    await start();
    const ask = async () => {
      const body = JSON.stringify({ model: "m", prompt: "x", max_tokens: 1 });
      expect((await exchange(`http://${host.addresses.gateway}/v1/completions`, { body })).status).toBe(200);
      return (await latestDecisions(host.addresses.admin, 1))[0]?.weights;
    };
    expect(await ask()).toEqual({ queue: 1, kv: 1 });
    const table = await config("weights", "default", "queue=0", "kv=2.5", "--for", "5s");
    expect(table).toMatch(/^PROFILE .*\ndefault {2}queue .* 0 .*s\ndefault {2}kv .* 2\.5 .*s\n$/);
    expect(await ask()).toEqual({ kv: 2.5 });
    expect(await until(ask, (weights) => weights?.queue === 1, 20_000)).toEqual({ queue: 1, kv: 1 });
    const shown = JSON.parse(await config("weights", "default", "kv=3", "--for", "1h", "--json"));
    expect(shown.weights).toEqual(expect.arrayContaining([expect.objectContaining({ scorer: "kv", inForce: 3 })]));
    expect(await ask()).toEqual({ queue: 1, kv: 3 });
    await config("weights", "--clear");
    expect(await ask()).toEqual({ queue: 1, kv: 1 });
    expect(await config("weights", "default", "kw=3", "--for", "1h")).toContain("has no scorer kw, only queue, kv");
  });
});
