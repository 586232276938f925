import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Host, startHost } from "../../clients/host.ts";
import { listPlugins, type PluginView, pidOf } from "../../clients/plugins.ts";
import { until } from "../../clients/poll.ts";
import { installPythonSdk } from "../../clients/python.ts";
import { runTraffic } from "../../clients/traffic.ts";

const main = fileURLToPath(new URL("../../../host/outrider/src/main.ts", import.meta.url));
const team = fileURLToPath(new URL("plugins/team.py", import.meta.url));

let fleet: Fleet;
let host: Host;
let door = "";
beforeAll(async () => {
  const { python } = installPythonSdk("bare", [], ["pytest==9.2.0"]);
  fleet = await spawnFleet({ servers: 4, timeScale: 0.01, models: ["*"] });
  const config = `
apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
budget: 200ms
processes:
- { name: team, command: [${python}, ${team}] }
plugins:
- { name: sticky, type: sticky, process: team, budget: 200ms }
- { name: notFirst, type: not-first, process: team, budget: 200ms, grant: [veto] }
- { name: idle, type: idle, process: team, budget: 200ms }
schedulingProfiles:
- name: default
  plugins: [{ pluginRef: sticky, weight: 8 }, { pluginRef: notFirst }, { pluginRef: idle }]
`;
  host = await startHost({ endpoints: fleet.endpoints, config, args: ["--no-warmup", "--gateway-port=0"] });
  door = `http://${host.addresses.gateway}`;
  await active();
}, 600_000);
afterAll(async () => {
  await host?.stop();
  await fleet?.stop();
});

describe("a host with scorers in Python", () => {
  it("is told who learned, vetoed and pushed a table, and why", async () => {
    const first = await ask("a");
    const again = await decided(
      () => ask("a"),
      ({ sticky }) => sticky.reason?.startsWith("slot") === true,
    );
    expect(outcomes(first).sticky).toMatchObject({ kind: "OUTCOME_KIND_ABSTAINED", reason: "new, among 0" });
    const slot = first.picked[0] ?? 0;
    expect(outcomes(again)).toMatchObject({
      sticky: { kind: "OUTCOME_KIND_SCORED", reason: `slot ${slot}` },
      idle: { kind: "OUTCOME_KIND_SCORED" },
    });
    expect(again.picked[0] ?? 0).toBe(slot);
    expect(slot).not.toBe(0);
  });

  it("hands what one has learned to its next generation", async () => {
    const sessions = Array.from({ length: 8 }, (_, i) => `kept-${i}`);
    for (const session of sessions) await ask(session);
    await decided(askAsStranger, knowsAsMany(sessions.length));
    const before = await picksOf(sessions);
    const pid = await pidOf(host.addresses.admin, "sticky");
    const args = [main, "plugin", "upgrade", "team", "--admin", `http://${host.addresses.admin}`];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    expect(stdout).toContain("generation 2 has taken over");
    expect(await pidOf(host.addresses.admin, "sticky")).not.toBe(pid);
    await decided(askAsStranger, knowsAsMany(sessions.length));
    expect(await picksOf(sessions)).toEqual(before);
  });

  it("fails no request while they are killed again and again", async () => {
    const traffic = runTraffic({ door, ratePerS: 100, count: 400 });
    for (let i = 0; i < 2; i += 1) {
      process.kill(-(await pidOf(host.addresses.admin, "sticky")), "SIGKILL");
      await until(plugins, ({ sticky }) => sticky?.state !== "active");
      await active();
    }
    const { failures, answered } = await traffic;
    expect([failures, answered]).toEqual([{}, 400]);
    expect((await plugins()).sticky?.restarts).toBeGreaterThanOrEqual(2);
    const { sticky } = outcomes(
      await decided(
        () => ask("c"),
        ({ sticky }) => sticky.kind === "OUTCOME_KIND_SCORED",
      ),
    );
    expect(sticky.reason).toMatch(/^slot \d/);
  });

  it("hears nothing of them that is no complaint", () => {
    const lines = host
      .log()
      .split("\n")
      .filter((line) => line.includes('"stream"'));
    expect(lines).toEqual([]);
  });
});

type Views = Readonly<Record<string, PluginView | undefined>>;

async function plugins(): Promise<Views> {
  return Object.fromEntries((await listPlugins(host.addresses.admin)).map((view) => [view.name, view]));
}

function active(): Promise<Views> {
  return until(plugins, (views) => Object.values(views).every((view) => view?.state === "active"), 30_000);
}

interface Outcome {
  readonly name: string;
  readonly kind: string;
  readonly reason?: string;
  readonly scores?: readonly number[];
}

/** The default profile of a decision. */
interface Profile {
  readonly scorers: readonly Outcome[];
  readonly picked: readonly number[];
}

type Outcomes = Readonly<Record<"sticky" | "notFirst" | "idle", Outcome>>;

function outcomes({ scorers }: Profile): Outcomes {
  return Object.fromEntries(scorers.map((outcome) => [outcome.name, outcome])) as Outcomes;
}

/** Asks until what the scorers say is as it is wanted: feedback reaches them behind the request. */
async function decided(askOnce: () => Promise<Profile>, isWanted: (said: Outcomes) => boolean): Promise<Profile> {
  return until(askOnce, (profile) => isWanted(outcomes(profile)));
}

let strangers = 0;

/** One request of a session that nobody has seen. */
function askAsStranger(): Promise<Profile> {
  strangers += 1;
  return ask(`stranger-${strangers}`);
}

function knowsAsMany(count: number): (said: Outcomes) => boolean {
  return ({ sticky }) => Number(/among (\d+)/.exec(sticky.reason ?? "")?.[1] ?? 0) >= count;
}

async function picksOf(sessions: readonly string[]): Promise<readonly number[]> {
  const picks: number[] = [];
  for (const session of sessions) {
    const { scorers, picked } = await ask(session);
    expect(outcomes({ scorers, picked }).sticky.reason).toBe(`slot ${picked[0] ?? 0}`);
    picks.push(picked[0] ?? 0);
  }
  return picks;
}

let requests = 0;

/** One request of a session; returns how it was decided. */
async function ask(session: string): Promise<Profile> {
  requests += 1;
  const id = `python-${requests}`;
  const headers = { "content-type": "application/json", "x-session-id": session, "x-request-id": id };
  const body = JSON.stringify({ model: "m", prompt: `p ${requests}`, max_tokens: 1 });
  const response = await request(`${door}/v1/completions`, { method: "POST", headers, body });
  await response.body.dump();
  expect(response.statusCode).toBe(200);
  const answer = await fetch(`http://${host.addresses.admin}/outrider.admin.v1.AdminService/GetDecision`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ requestId: id }),
  });
  const { decisions } = (await answer.json()) as { decisions: { decision: { profiles: Profile[] } }[] };
  return decisions[0]!.decision.profiles[0]!;
}
