import { z } from "zod";
import { name } from "../workload/schema-values.ts";

/** Most runs of one experiment: rates × seeds × policies × cases. */
export const mostRuns = 100_000;

const path = z.string().min(1, "must not be empty");

/** A scenario that all policies are put to. */
const experimentCase = z.strictObject({
  /** Names it in results, and its folder in the report. */
  name,
  /** Its file, from the folder of the experiment. */
  scenario: path,
  /** Values that stand instead of the scenario's, by their paths, such as `fleet[0].count: 12`. */
  set: z.record(z.string(), z.unknown()).default({}),
});

/** An experiment file. */
export const experimentFile = z.strictObject({
  /** Form of the file. */
  apiVersion: z.literal("outrider.dev/v1alpha1"),
  /** Always `Experiment`. */
  kind: z.literal("Experiment"),
  /** Names it in results; default the file's name. */
  name: name.optional(),
  /** EndpointPickerConfigs, from the folder of the experiment; the others are compared with the first. */
  policies: z.array(path).min(1, "must have one at least"),
  /** Requests a second, each a run of its own; default the workloads' own. */
  rates: z.array(z.number().gt(0, "must be above 0").max(1_000_000)).min(1, "must have one at least").optional(),
  /** Runs of each policy and rate, each with a seed of its own, from the scenario's on. */
  seeds: z.int().min(1).max(1000).default(1),
  /** Scenarios, each compared by itself. */
  cases: z.array(experimentCase).min(1, "must have one at least"),
});
