import { type Fleet, type FleetOptions, spawnFleet } from "@outrider/fleet";
import { type Host, startHost } from "../../clients/host.ts";
import { readBeliefs } from "./beliefs.ts";
import { configure, type Policy } from "./configurations.ts";
import { createMachineWatch } from "./machine.ts";
import { makeRequests, type Workload } from "./requests.ts";
import { type Replayed, sendAll } from "./send.ts";

/** One policy under one workload. */
export interface Trial {
  readonly policy: Policy;
  readonly fleet: FleetOptions;
  readonly workload: Workload;
}

/** What came of a trial; of requests that were due in its first quarter, while caches fill, only failures. */
export interface Outcome extends Replayed {
  /** Cached share of each prompt that was believed of the endpoint picked, by the request's id; empty without an index. */
  readonly believed: ReadonlyMap<string, number>;
}

/** Outcomes of trials in their order, and how much of the machine was used meanwhile. */
export interface Round {
  /** For the reader. */
  readonly name: string;
  readonly outcomes: readonly Outcome[];
  /** Share of all cores that this bench used, and that everybody else did, in [0, 1]. */
  readonly usedHere: number;
  readonly usedByOthers: number;
}

const unmeasuredShare = 0.25;

/** Runs trials at once, so that what disturbs one disturbs all; each with fresh model servers and a fresh host. */
export async function runRound(name: string, trials: readonly Trial[]): Promise<Round> {
  process.stderr.write(`\r\u001b[K${name}`);
  const systems: System[] = [];
  try {
    for (const trial of trials) systems.push(await startSystem(trial));
    const watch = createMachineWatch([process.pid, ...systems.flatMap(({ pids }) => pids)]);
    const outcomes = await Promise.all(systems.map((system, i) => runTrial(system, trials[i]!.workload)));
    return { name, outcomes, ...watch.read() };
  } finally {
    process.stderr.write("\r\u001b[K");
    await Promise.all(systems.map((system) => system.stop()));
  }
}

/** A host and its model servers. */
interface System {
  readonly gateway: string;
  readonly admin: string;
  readonly pids: readonly number[];
  stop(): Promise<void>;
}

async function startSystem({ policy, fleet: options }: Trial): Promise<System> {
  const fleet = await spawnFleet(options);
  const host = await startHostOf(fleet, configure(policy));
  const { gateway = "", admin } = host.addresses;
  return {
    gateway,
    admin,
    pids: [fleet.pid, host.pid],
    async stop() {
      await host.stop();
      await fleet.stop();
    },
  };
}

async function startHostOf(fleet: Fleet, config: string): Promise<Host> {
  try {
    return await startHost({ endpoints: fleet.endpoints, config, args: ["--gateway-port=0"] });
  } catch (error) {
    await fleet.stop();
    throw error;
  }
}

async function runTrial({ gateway, admin }: System, workload: Workload): Promise<Outcome> {
  const { answered, ...rest } = await sendAll(gateway, makeRequests(workload));
  const fromMs = unmeasuredShare * workload.seconds * 1_000;
  const measured = answered.filter(({ asked }) => asked.dueMs >= fromMs);
  return { ...rest, answered: measured, believed: await readBeliefs(admin) };
}
