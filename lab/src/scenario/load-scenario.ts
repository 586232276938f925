import { dirname, parse } from "node:path";
import {
  type CollectingReporter,
  createReporter,
  type Fault,
  isMap,
  type Reporter,
  readDocument,
  toConfigText,
  withoutEmpty,
} from "@outrider/host";
import type { Scenario } from "../contract/index.ts";
import { checkShape, type Fields } from "./check-shape.ts";
import { type ConfigSource, innerConfig, readConfig, type ScenarioOrigin } from "./config.ts";
import { createEvents, createServers } from "./fleet.ts";
import { applyOverrides, type Override } from "./overrides.ts";
import { type ScenarioFile, scenarioFile } from "./schema.ts";
import { checkWorkload } from "./workload.ts";

/** A scenario's file as it was read. */
export interface RawScenario {
  /** How messages name it. */
  readonly name: string;
  readonly bytes: Uint8Array;
  /** Folder that its paths start from. */
  readonly folder: string;
}

/** A scenario, or everything that is wrong with it. */
export type ScenarioResult =
  | { readonly kind: "valid"; readonly scenario: Scenario }
  /** At least one fault, in the order of the text. */
  | { readonly kind: "invalid"; readonly faults: readonly Fault[] };

/**
 * Checks a scenario whole, all faults at once; reads the configuration and the beginning of the traces that it names.
 * The configuration itself is checked where the simulation begins.
 * @param overrides values that stand instead of what is written.
 */
export async function loadScenario(file: RawScenario, overrides: readonly Override[] = []): Promise<ScenarioResult> {
  const read = toConfigText(file);
  if (read.kind === "unreadable") return { kind: "invalid", faults: [read.fault] };
  const document = readDocument(read.text);
  const report = createReporter(document);
  const origin = { name: file.name, folder: file.folder, text: read.text, document };
  const scenario = document.usable ? await checkScenario(origin, overrides, report) : undefined;
  const faults = report.faults();
  if (scenario === undefined || faults.length > 0) return { kind: "invalid", faults };
  return { kind: "valid", scenario };
}

async function checkScenario(
  origin: ScenarioOrigin,
  overrides: readonly Override[],
  report: CollectingReporter,
): Promise<Scenario | undefined> {
  const value = applyOverrides(withoutEmpty(origin.document.value), overrides);
  if (value === null || value === undefined) {
    report.fault([], "is empty", "write apiVersion: outrider.dev/v1alpha1 and kind: Scenario first");
    return undefined;
  }
  const fields = checkShape(scenarioFile, value, report);
  const parts = await checkParts(fields, value, origin, overrides, report);
  const { config, workload, ...fleet } = parts;
  if (config === undefined || workload === undefined || report.faults().length > 0) return undefined;
  return { ...toSettings(fields as ScenarioFile, origin.name), ...fleet, ...config, workload };
}

/** What is more than a number, as far as the shapes allow. */
async function checkParts(
  { fleet, events = [], workload, config, duration }: Fields<typeof scenarioFile.shape>,
  value: unknown,
  origin: ScenarioOrigin,
  overrides: readonly Override[],
  report: Reporter,
) {
  const servers = fleet && createServers(fleet, report);
  const place = { folder: origin.folder, shownFolder: dirname(origin.name) };
  const mixed = isMap(value) && isMap(value.workload) && "parts" in value.workload;
  const scope = { servers, ends: duration !== undefined, mixed };
  return {
    servers: servers ?? [],
    events: fleet && servers ? createEvents(events, fleet, servers, report) : [],
    workload: workload && (await checkWorkload(workload, place, scope, report)),
    config: await checkConfig(config, origin, overrides, report),
  };
}

async function checkConfig(
  config: ScenarioFile["config"] | undefined,
  origin: ScenarioOrigin,
  overrides: readonly Override[],
  report: Reporter,
): Promise<ConfigSource | undefined> {
  if (typeof config === "string") return await readConfig(config, origin, report);
  const isChanged = overrides.some(({ path }) => path[0] === "config");
  return config && innerConfig(config, origin, isChanged);
}

/** Numbers of a scenario; its name is the file's where it has none. */
function toSettings(file: ScenarioFile, fileName: string) {
  return {
    name: file.name ?? parse(fileName).name,
    seed: file.seed,
    durationMs: file.duration ?? Number.POSITIVE_INFINITY,
    scrapeIntervalMs: file.scrapeInterval,
    stalenessMs: file.staleness,
    overheadMs: file.overhead,
    clientTimeoutMs: file.clientTimeout ?? Number.POSITIVE_INFINITY,
    kvTransferUsPerToken: file.kvTransfer * 1000,
    warmUpMs: file.warmUp,
    disturbances: toDisturbances(file.disturbances),
  };
}

function toDisturbances(disturbances: ScenarioFile["disturbances"]): Scenario["disturbances"] {
  const named = Object.entries(disturbances).map(([plugin, { latency, missShare, outages }]) => {
    const ascending = outages
      .map((outage) => ({ atMs: outage.at, forMs: outage.for }))
      .toSorted((a, b) => a.atMs - b.atMs);
    return [plugin, { latencyMs: latency, missShare, outages: ascending }] as const;
  });
  return Object.fromEntries(named);
}
