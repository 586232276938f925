import { createEndpointTable, deriveSeed, OutriderError } from "@outrider/core";
import { createLog, formatFaults, type HostConfig, loadConfig, type PluginCatalogue } from "@outrider/host";
import type { RunEnd, RunObserver, Scenario } from "../contract/index.ts";
import { Fleet } from "./fleet.ts";
import { type LabHost, openLabHost } from "./lab-host.ts";
import { ScrapedFleet } from "./scraped-fleet.ts";
import { Simulation } from "./simulation.ts";
import type { Logger } from "./types.ts";
import { VirtualClock } from "./virtual-clock.ts";

/** What a run needs besides its scenario. */
export interface RunParts {
  /** Built-in plugin types that a configuration may name. */
  readonly catalogue: PluginCatalogue;
  readonly observer: RunObserver;
  /** Ends the run before its time: what is under way then has no outcome. */
  readonly signal?: AbortSignal;
  /** Default: warnings, on stderr. */
  readonly log?: Logger;
}

/** What of a seed each kind of chance takes, beside those of the host. */
const seeds = { table: 3, scrapes: 4 } as const;

let stderr: Logger | undefined;

/**
 * Runs a scenario in virtual time: the real scheduler, cycle and plugins decide for modelled servers. The same scenario
 * gives the same outcomes, wherever its plugins run, as long as they depend on nothing but what they are told.
 * @throws {OutriderError} `CONFIG_INVALID` with every fault of the configuration; `SCENARIO_INVALID` where the scenario
 *   does not fit it, or its workload cannot be read.
 */
export async function runScenario(scenario: Scenario, parts: RunParts): Promise<RunEnd> {
  const { host, simulation } = await openRun(scenario, parts);
  try {
    return await simulation.run();
  } finally {
    await host.stop();
  }
}

/** A run that has not begun; its host is to be stopped. @throws {OutriderError} as {@link runScenario}. */
export async function openRun(
  scenario: Scenario,
  { catalogue, observer, signal, log = defaultLog() }: RunParts,
): Promise<{ readonly host: LabHost; readonly simulation: Simulation }> {
  const config = await readConfig(scenario, catalogue);
  const clock = new VirtualClock();
  const fleet = new Fleet(scenario, clock);
  const table = createEndpointTable({ epoch: deriveSeed(scenario.seed, seeds.table) });
  const seed = deriveSeed(scenario.seed, seeds.scrapes);
  const scraped = new ScrapedFleet({ fleet, table, clock, scenario, settings: config.dataLayer, seed });
  const host = await openLabHost({ scenario, config, catalogue, table, clock, log });
  return { host, simulation: new Simulation({ scenario, host, fleet, scraped, clock, observer, signal }) };
}

function defaultLog(): Logger {
  stderr ??= createLog(0);
  return stderr;
}

async function readConfig(scenario: Scenario, catalogue: PluginCatalogue): Promise<HostConfig> {
  const { configName, configText, configFolder } = scenario;
  const raw = { name: configName, bytes: Buffer.from(configText), folder: configFolder };
  const result = await loadConfig(raw, catalogue);
  if (result.kind === "valid") return result.config;
  throw new OutriderError("CONFIG_INVALID", formatFaults(configName, result.faults));
}
