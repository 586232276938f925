import { createHash } from "node:crypto";
import type { Scenario } from "../contract/index.ts";
import { versions } from "../report/index.ts";
import type { Override } from "../scenario/index.ts";

/** A configuration, read. */
export type ConfigSource = Pick<Scenario, "configName" | "configText" | "configFolder">;

/** One run of a comparison, as a process of its own is told of it: plain JSON. */
export interface Job {
  readonly policy: string;
  /** `null` = the workload's own. */
  readonly ratePerSecond: number | null;
  readonly seed: number;
  /** File of the scenario. */
  readonly scenario: { readonly name: string; readonly text: string; readonly folder: string };
  /** What stands in it instead: seed, workload. */
  readonly overrides: readonly Override[];
  /** Stands instead of the scenario's. */
  readonly config: ConfigSource;
  /** SHA-256 of each file that scenario and configuration name, by its name there. */
  readonly files: Readonly<Record<string, string>>;
}

/** Name of what is kept of a run: equal for equal inputs, wherever they lie. */
export function keyOf({ scenario, overrides, config, files }: Job): string {
  const named = Object.keys(files).toSorted((a, b) => (a < b ? -1 : 1));
  const hashes = named.map((name) => [name, files[name]]);
  const inputs = [versions, scenario.text, overrides, config.configText, hashes];
  return createHash("sha256").update(JSON.stringify(inputs)).digest("hex").slice(0, 32);
}

/** A run in words, for messages. */
export function describeJob({ policy, ratePerSecond, seed }: Job): string {
  return `${policy}${ratePerSecond === null ? "" : ` at ${ratePerSecond}/s`}, seed ${seed}`;
}
