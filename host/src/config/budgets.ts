import { longestBudgetMs } from "./schema-values.ts";
import type { ProducerPlace, ProfileSpec } from "./types.ts";

/** Budget of a decision where the configuration names none, in ms; of one in the reference's form that of a scorer. */
const defaultBudgetMs = 5;

/** `apiVersion:` of the reference's forms, the newer one first. */
export const referenceVersions: readonly string[] = ["llm-d.ai/v1alpha1", "inference.networking.x-k8s.io/v1alpha1"];

/** Longest that the reference EPP waits for a producer, in ms. */
const referenceProducerMs = 400;

/** What plugins may take that name no budget of their own. */
export interface Budgets {
  /** Budget of a decision, in ms; `undefined` = what its parts come to. */
  readonly decisionMs: number | undefined;
  readonly scorerMs: number;
  readonly producerMs: number;
}

/**
 * A configuration in the reference's form that names no budget gives producers the time that they have there.
 * @param apiVersion as it is written. @param written budget at the top, in ms.
 */
export function toBudgets(apiVersion: unknown, written: number | undefined): Budgets {
  if (written === undefined && referenceVersions.includes(String(apiVersion))) {
    return { decisionMs: undefined, scorerMs: defaultBudgetMs, producerMs: referenceProducerMs };
  }
  const decisionMs = written ?? defaultBudgetMs;
  return { decisionMs, scorerMs: decisionMs, producerMs: decisionMs };
}

/** Budget of a decision: as written, or time for each wave of producers and each profile, one after the other. */
export function toDecisionMs(
  { decisionMs }: Budgets,
  waves: readonly (readonly ProducerPlace[])[],
  profiles: readonly ProfileSpec[],
): number {
  if (decisionMs !== undefined) return decisionMs;
  const longest = (places: readonly { readonly budgetMs: number }[], least: number) =>
    Math.max(least, ...places.map(({ budgetMs }) => budgetMs));
  const counted = profiles.map(({ scorers }) => scorers.filter(({ shadow }) => !shadow));
  const steps = [...waves.map((wave) => longest(wave, 0)), ...counted.map((wave) => longest(wave, defaultBudgetMs))];
  return Math.min(
    longestBudgetMs,
    steps.reduce((sum, ms) => sum + ms, 0),
  );
}
