import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { installGoForSdk } from "../../clients/go-sdk.ts";
import { type Host, startHost } from "../../clients/host.ts";
import { listPlugins, pidOf } from "../../clients/plugins.ts";
import { until } from "../../clients/poll.ts";

const main = fileURLToPath(new URL("../../../host/outrider/src/main.ts", import.meta.url));

const config = (program: string, forbidden: string) => `
apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
budget: 1s
processes:
- { name: go, command: [${program}] }
plugins:
- { name: tokens, type: parity-producer, process: go, budget: 1s }
- { name: formula, type: parity-formula, process: go, budget: 1s }
- { name: counts, type: counter, process: go, budget: 1s, parameters: { step: 0.0009765625 } }
- { name: spread, type: spread, process: go, budget: 1s }
- { name: picky, type: picky, process: go, budget: 1s, parameters: { address: "${forbidden}" }, grant: [veto] }
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: formula }
  - { pluginRef: counts }
  - { pluginRef: spread }
  - { pluginRef: picky }
`;

let fleet: Fleet;
let host: Host;
beforeAll(async () => {
  const go = await installGoForSdk();
  const program = await go.build("testplugin");
  fleet = await spawnFleet({ servers: 3, timeScale: 0.01, models: ["*"] });
  const options = { endpoints: fleet.endpoints, config: config(program, fleet.endpoints[1]!) };
  host = await startHost({ ...options, args: ["--no-warmup", "--pick-port=0"] });
  await active();
}, 300_000);
afterAll(async () => {
  await host?.stop();
  await fleet?.stop();
});

describe("a plugin in Go behind a real host", () => {
  it("decides, by calls and by pushed tables, and rules out what it may", async () => {
    await until(decide, ({ spread }) => spread?.kind === "OUTCOME_KIND_SCORED");
    const outcomes = await decide();
    expect(Object.values(outcomes).map(({ name, kind }) => [name, kind])).toEqual(
      ["formula", "counts", "spread", "picky"].map((name) => [name, "OUTCOME_KIND_SCORED"]),
    );
    expect(outcomes.formula?.reason).toBe("default 3");
    expect(outcomes.spread?.scores).toEqual([1, 1, 1]);
    expect(outcomes.picky?.reason).toBe(`not ${fleet.endpoints[1]}`);
    const picks = await Promise.all(Array.from({ length: 20 }, () => pick()));
    expect(picks).not.toContain(fleet.endpoints[1]);
    const plugins = await listPlugins(host.addresses.admin);
    expect(plugins.map(({ state }) => state)).toEqual(plugins.map(() => "active"));
    expect(plugins.map(({ name }) => name)).toContain("tokens");
  });

  it("hands what it has learned to the generation that takes over in an upgrade", async () => {
    const before = await until(decide, ({ counts }) => sum(counts?.scores) > 0);
    const [pid, learned] = [await pidOf(host.addresses.admin, "counts"), sum(before.counts?.scores)];
    const args = [main, "plugin", "upgrade", "go", "--admin", `http://${host.addresses.admin}`];
    const upgrade = promisify(execFile)(process.execPath, args);
    const picks = await pickUntil(upgrade);
    expect((await upgrade).stdout).toMatch(/generation 2 has taken over/);
    expect(new Set(picks)).toEqual(new Set([fleet.endpoints[0], fleet.endpoints[2]]));
    expect(await pidOf(host.addresses.admin, "counts")).not.toBe(pid);
    const after = await until(decide, ({ counts }) => sum(counts?.scores) >= learned);
    expect(sum(after.counts?.scores)).toBeGreaterThanOrEqual(learned);
    await until(
      () => isAlive(pid),
      (alive) => !alive,
    );
  });

  it("comes back when it is killed, while requests go on without it", async () => {
    const pid = await pidOf(host.addresses.admin, "formula");
    process.kill(-pid, "SIGKILL");
    expect(fleet.endpoints).toContain(await pick());
    await active();
    expect(await pidOf(host.addresses.admin, "formula")).not.toBe(pid);
    await until(decide, ({ formula }) => formula?.kind === "OUTCOME_KIND_SCORED");
  });

  it("ends with its host", async () => {
    const pid = await pidOf(host.addresses.admin, "formula");
    host.kill("SIGKILL");
    await host.exited;
    await until(
      () => isAlive(pid),
      (alive) => !alive,
    );
  });
});

/** Waits until all plugins are asked. */
async function active(): Promise<void> {
  await until(
    () => listPlugins(host.addresses.admin),
    (plugins) => plugins.length > 0 && plugins.every(({ state }) => state === "active"),
    30_000,
  );
}

interface Outcome {
  readonly name: string;
  readonly kind: string;
  readonly reason?: string;
  readonly scores?: readonly number[];
}

async function ask(address: string | undefined, method: string, body: unknown): Promise<unknown> {
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  return (await fetch(`http://${address}/${method}`, request)).json();
}

/** Has a request decided; the endpoint that it would go to. It is over at once. */
async function pick(): Promise<string> {
  const body = Buffer.from(JSON.stringify({ model: "m", messages: [{ role: "user", content: "Hello" }] }));
  const request = { path: "/v1/chat/completions", body: body.toString("base64") };
  const service = "outrider.picker.v1.PickerService";
  const picked = (await ask(host.addresses.pick, `${service}/Pick`, request)) as {
    readonly decisionId: string;
    readonly endpoints: readonly string[];
  };
  await ask(host.addresses.pick, `${service}/Complete`, { decisionId: picked.decisionId, status: 200 });
  return picked.endpoints[0] ?? "";
}

/** Has requests decided, one after the other, until something is over. */
async function pickUntil(over: Promise<unknown>): Promise<readonly string[]> {
  const picks: string[] = [];
  let isOver = false;
  const end = () => {
    isOver = true;
  };
  over.then(end, end);
  while (!isOver) picks.push(await pick());
  return picks;
}

/** What each scorer brought to a decision. */
async function decide(): Promise<Readonly<Record<string, Outcome>>> {
  await pick();
  const answer = await ask(host.addresses.admin, "outrider.admin.v1.AdminService/GetDecision", { latest: 1 });
  const { decisions } = answer as {
    readonly decisions: readonly [
      { readonly decision: { readonly profiles: readonly [{ readonly scorers: Outcome[] }] } },
    ];
  };
  return Object.fromEntries(decisions[0].decision.profiles[0].scorers.map((outcome) => [outcome.name, outcome]));
}

function sum(scores: readonly number[] = []): number {
  return scores.reduce((total, score) => total + score, 0);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(-pid, 0);
  } catch {
    return false;
  }
}
