import { execFile } from "node:child_process";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Envoy } from "@outrider/example-envoy";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type DecisionGeneration, latestDecisions, showConfig } from "../clients/config.ts";
import { envoyMissing, startEnvoyFor } from "../clients/envoy.ts";
import { type Host, startHost } from "../clients/host.ts";
import { pidOf } from "../clients/plugins.ts";
import { until } from "../clients/poll.ts";
import { runTraffic } from "../clients/traffic.ts";

const main = fileURLToPath(new URL("../../host/outrider/src/main.ts", import.meta.url));
const ratePerS = 500;
const seconds = 30;

/** Each configuration weighs `busy` otherwise, so that a decision shows which one it was made by. */
const toConfig = (weight: number, more = "") => `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
budget: 100ms
plugins:
- { name: queue, type: queue-scorer, placement: process }
- { name: busy, type: active-request-scorer }
${more}schedulingProfiles:
- name: default
  plugins: [{ pluginRef: queue }, { pluginRef: busy, weight: ${weight} }]
`;
const another = (name: string) => `- { name: ${name}, type: kv-cache-utilization-scorer, placement: process }\n`;

describe.skipIf(envoyMissing !== undefined)(`a reload${envoyMissing ? ` (${envoyMissing})` : ""}`, () => {
  let folder: string;
  let file: string;
  let fleet: Fleet;
  let host: Host;
  let envoy: Envoy;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "outrider-reload-"));
    file = join(folder, "epp.yaml");
    writeFileSync(file, toConfig(1));
    fleet = await spawnFleet({ servers: 4, timeScale: 0.01, models: ["*"] });
    host = await startHost({ endpoints: fleet.endpoints, args: [`--config-file=${file}`] });
    envoy = await startEnvoyFor(host, fleet.endpoints);
  });
  afterAll(async () => {
    await envoy?.stop();
    await host?.stop();
    await fleet?.stop();
    rmSync(folder, { recursive: true });
  });

  it("under 500 requests a second fails none, and decisions change at one point in time each", async () => {
    const pid = await pidOf(host.addresses.admin, "queue");
    const log = watchDecisions(host.addresses.admin);
    const traffic = runTraffic({ door: envoy.overrideHost, ratePerS, count: ratePerS * seconds });

    await sleep(1_000);
    writeFileSync(file, toConfig(2));
    await inForce(2);
    writeFileSync(file, `${toConfig(9)}budgett: 5ms\n`);
    await refused(/budgett/);
    replace(toConfig(3, another("kv")));
    await inForce(3);
    replace("plugins: [");
    await refused(/is not YAML/);
    replace(toConfig(4));
    await inForce(4);
    await rollBack();
    await inForce(5);

    const { answered, failures } = await traffic;
    const decisions = await log.stop();
    expect({ answered, failures }).toEqual({ answered: ratePerS * seconds, failures: {} });
    expect(await pidOf(host.addresses.admin, "queue")).toBe(pid);
    expect(weightsByGeneration(decisions)).toEqual({ 1: [1], 2: [2], 3: [3], 4: [4], 5: [3] });
    expect(decisions.length).toBeGreaterThan((ratePerS * seconds) / 2);
    expect(outOfOrder(decisions)).toEqual([]);
    expect((await showConfig(host.addresses.admin)).rollbackOf).toBe(3);
    expect(await host.metric('outrider_config_reloads_total{outcome="refused"}')).toBe(2);
    expect(await host.metric('outrider_config_reloads_total{outcome="applied"}')).toBe(4);
  });

  async function inForce(generation: number): Promise<void> {
    await until(
      () => showConfig(host.addresses.admin),
      (config) => config.generation === generation,
      30_000,
    );
    await sleep(1_000);
  }

  async function refused(message: RegExp): Promise<void> {
    await until(
      () => showConfig(host.addresses.admin),
      (config) => message.test(config.refused?.message ?? ""),
      30_000,
    );
  }

  /** As editors write. */
  function replace(text: string): void {
    writeFileSync(`${file}.new`, text);
    renameSync(`${file}.new`, file);
  }

  /** As an operator does. */
  async function rollBack(): Promise<void> {
    const args = [main, "config", "rollback", "--admin", `http://${host.addresses.admin}`];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toMatch(/^generation 3 is in force again, as generation 5, until the configuration's file changes/);
  }
});

/** Reads the decisions faster than the host forgets them, until it is stopped. */
function watchDecisions(admin: string) {
  const seen = new Map<string, DecisionGeneration>();
  let isOver = false;
  const read = async () => {
    for (const decision of await latestDecisions(admin, 1_000)) seen.set(decision.decisionId, decision);
  };
  const reading = (async () => {
    while (!isOver) {
      await read();
      await sleep(700);
    }
  })();
  return {
    /** All that were seen, in the order in which they began. */
    async stop(): Promise<readonly DecisionGeneration[]> {
      isOver = true;
      await reading;
      await read();
      return [...seen.values()].toSorted((a, b) => numberOf(a) - numberOf(b));
    },
  };
}

/** Decisions are numbered as they begin. */
function numberOf({ decisionId }: DecisionGeneration): number {
  return Number.parseInt(decisionId.split("-").at(-1) ?? "", 36);
}

/** Weights that decisions of each generation gave `busy`. */
function weightsByGeneration(decisions: readonly DecisionGeneration[]): Record<number, number[]> {
  const weights: Record<number, number[]> = {};
  for (const { generation, weights: of } of decisions) {
    const known = weights[generation] ?? [];
    weights[generation] = [...new Set([...known, of.busy ?? 0])];
  }
  return weights;
}

/** Decisions that were made by an older generation than one that began before them. */
function outOfOrder(decisions: readonly DecisionGeneration[]): readonly DecisionGeneration[] {
  return decisions.filter(({ generation }, i) => i > 0 && generation < decisions[i - 1]!.generation);
}
