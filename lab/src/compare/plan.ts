import { formatFaults, loadConfig, type PluginCatalogue } from "@outrider/host";
import type { Scenario } from "../contract/index.ts";
import { applyOverrides, loadScenario, type Override } from "../scenario/index.ts";
import { CompareError } from "./compare-error.ts";
import { bareName, type Input, isScenario, readInput, shortNames } from "./input.ts";
import type { ConfigSource, Job } from "./job.ts";
import { createFileHashes, type FileHashes, possibleFiles } from "./named-files.ts";
import {
  atRate,
  filesOf,
  isRecorded,
  moveWorkload,
  readWorkload,
  type WorkloadInput,
  workloadOf,
} from "./workload-input.ts";

/** What is asked of a comparison; paths as they are named. */
export interface PlanOptions {
  /** Configurations and scenarios, at least one; the first is what others are compared with. */
  readonly policies: readonly string[];
  /** Scenario that configurations run in; `undefined` = the first of `policies` that is one. */
  readonly scenario: string | undefined;
  /** Stands instead of the workloads of all scenarios; `undefined` = that of the scenario above. */
  readonly workload: string | undefined;
  /** Requests a second; none = the workload's own. */
  readonly rates: readonly number[];
  /** How many, from the scenario's on. */
  readonly seeds: number;
  /** Values that stand instead of what scenarios say; default none. */
  readonly overrides?: readonly Override[];
  /** Built-in plugin types. */
  readonly catalogue: PluginCatalogue;
}

/** All runs of a comparison, checked. */
export interface Plan {
  readonly title: string;
  /** Pair by pair: all policies at a rate and seed before the next. */
  readonly jobs: readonly Job[];
  /** Texts that the runs are made of besides configurations, by name. */
  readonly sources: Readonly<Record<string, string>>;
}

/** A policy before it is put to rates and seeds. */
interface Policy {
  readonly name: string;
  /** Scenario that it runs in. */
  readonly scenario: Input;
  /** Its configuration, where it is not the scenario's. */
  readonly config: Input | undefined;
}

/**
 * Reads and checks all that a comparison is made of.
 * @throws {CompareError} with everything that is wrong.
 */
export async function createPlan(options: PlanOptions): Promise<Plan> {
  const inputs = await Promise.all(options.policies.map(readInput));
  const { overrides = [] } = options;
  const written = await findBase(inputs, options.scenario);
  const base = { ...written, value: applyOverrides(written.value, overrides) };
  const workload = options.workload === undefined ? workloadOf(base) : await readWorkload(options.workload);
  const names = shortNames(options.policies);
  const policies = inputs.map((input, i): Policy => {
    const own = isScenario(input);
    return { name: names[i]!, scenario: own ? input : base, config: own ? undefined : input };
  });
  const rates = options.rates.length === 0 ? [null] : options.rates;
  const recorded = options.rates.length > 0 ? await recordedRate(base, workload, overrides) : 1;
  const hashes = createFileHashes();
  const drafts: Draft[] = [];
  for (const ratePerSecond of rates) {
    for (const policy of policies)
      drafts.push(await draft(policy, { workload, overrides, ratePerSecond, recorded }, hashes));
  }
  await checkConfigs(drafts, options.catalogue);
  const jobs = seedsFrom(drafts[0]!.baseSeed, options.seeds).flatMap((seed) =>
    drafts.map((one): Job => ({ ...one.job, seed, overrides: [...one.overrides, { path: ["seed"], value: seed }] })),
  );
  const [baseline, ...others] = names;
  const title = others.length === 0 ? `${baseline}` : `${others.join(", ")} against ${baseline}`;
  return { title, jobs, sources: { ...sourcesOf(policies, workload), ...sourceOfOverrides(overrides) } };
}

/** A run without its seed. */
interface Draft {
  readonly job: Omit<Job, "seed" | "overrides">;
  readonly overrides: readonly Override[];
  readonly baseSeed: number;
}

async function findBase(inputs: readonly Input[], scenario: string | undefined): Promise<Input> {
  const found = scenario === undefined ? inputs.find(isScenario) : await readInput(scenario);
  if (found !== undefined) return found;
  throw new CompareError("usage", [
    "configurations need a fleet: name a scenario with --scenario, of which they take the rest",
  ]);
}

/** What all policies are put to in a draft. */
interface Conditions {
  readonly workload: WorkloadInput;
  readonly overrides: readonly Override[];
  readonly ratePerSecond: number | null;
  /** Rate of a recorded workload as it is. */
  readonly recorded: number;
}

async function draft(
  { name, scenario, config }: Policy,
  { workload, overrides: common, ratePerSecond, recorded }: Conditions,
  hashes: FileHashes,
): Promise<Draft> {
  const moved = moveWorkload(workload, scenario.folder);
  const value = ratePerSecond === null ? moved : atRate(moved, ratePerSecond, recorded);
  const overrides: readonly Override[] = [...common, { path: ["workload"], value }];
  const loaded = await load(scenario, overrides);
  const { configName, configText, configFolder } = loaded;
  const source: ConfigSource =
    config === undefined
      ? { configName, configText, configFolder }
      : { configName: config.name, configText: config.text, configFolder: config.folder };
  const files = {
    ...(await hashes.of(filesOf(value), scenario.folder)),
    ...(await hashes.of(namesIn(source), source.configFolder)),
  };
  const { name: file, text, folder } = scenario;
  const job = { policy: name, ratePerSecond, scenario: { name: file, text, folder }, config: source, files };
  return { job, overrides, baseSeed: loaded.seed };
}

/** A configuration that is no YAML is told of where it is checked. */
function namesIn({ configText }: ConfigSource): readonly string[] {
  try {
    return possibleFiles(configText);
  } catch {
    return [];
  }
}

async function load({ name, text, folder }: Input, overrides: readonly Override[]): Promise<Scenario> {
  const result = await loadScenario({ name, bytes: Buffer.from(text), folder }, overrides);
  if (result.kind === "valid") return result.scenario;
  throw new CompareError("faults", [formatFaults(name, result.faults)]);
}

async function checkConfigs(drafts: readonly Draft[], catalogue: PluginCatalogue): Promise<void> {
  const configs = new Map(drafts.map(({ job: { policy, config } }) => [policy, config]));
  const problems: string[] = [];
  for (const { configName, configText, configFolder } of configs.values()) {
    const raw = { name: configName, bytes: Buffer.from(configText), folder: configFolder };
    const result = await loadConfig(raw, catalogue);
    if (result.kind === "invalid") problems.push(formatFaults(configName, result.faults));
  }
  if (problems.length > 0) throw new CompareError("faults", problems);
}

/** Requests a second of a recorded workload as it was recorded; 1 where it is none. */
async function recordedRate(base: Input, workload: WorkloadInput, overrides: readonly Override[]): Promise<number> {
  if (!isRecorded(workload.value)) return 1;
  const value = { ...(moveWorkload(workload, base.folder) as object), speed: 1 };
  const { seed, workload: rows } = await load(base, [...overrides, { path: ["workload"], value }]);
  let count = 0;
  let lastMs = 0;
  for await (const batch of rows.open(seed)) {
    count += batch.length;
    lastMs = batch.at(-1)?.atMs ?? lastMs;
  }
  if (lastMs > 0) return ((count - 1) * 1000) / lastMs;
  throw new CompareError("usage", [
    `rates need requests at different times: those of ${workload.name} all come at once`,
  ]);
}

function seedsFrom(first: number, count: number): readonly number[] {
  return Array.from({ length: count }, (_, i) => (first + i) % 2 ** 32);
}

function sourcesOf(policies: readonly Policy[], { name, text }: WorkloadInput): Readonly<Record<string, string>> {
  const scenarios = policies.map(({ scenario }) => [bareName(scenario), scenario.text] as const);
  return Object.fromEntries(text === undefined ? scenarios : [...scenarios, [name, text]]);
}

function sourceOfOverrides(overrides: readonly Override[]): Readonly<Record<string, string>> {
  return overrides.length === 0 ? {} : { "values that were set": JSON.stringify(overrides) };
}
