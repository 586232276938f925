import { quote } from "./faults.ts";
import type { Reporter } from "./reporter.ts";
import type { ModelRewriteEntry, ObjectiveEntry } from "./schema-requests.ts";
import type { ModelRewriteSpec, ObjectiveSpec } from "./types.ts";

/** Checks `objectives:`. @param entries `undefined` where the shape is faulty. */
export function checkObjectives(
  entries: readonly (ObjectiveEntry | undefined)[],
  report: Reporter,
): readonly ObjectiveSpec[] {
  const first = new Map<string, number>();
  for (const [i, entry] of entries.entries()) {
    if (entry === undefined) continue;
    const other = first.get(entry.name);
    if (other === undefined) first.set(entry.name, i);
    else report.fault(["objectives", i, "name"], `${quote(entry.name)} is another objective`, otherLine(other, report));
  }
  return entries.flatMap((entry) => entry ?? []);
}

function otherLine(index: number, report: Reporter): string {
  return `the other one is on line ${report.lineOf(["objectives", index])}`;
}

/** Name of the rule for all models that no other rule names. */
const anyModel = "*";

/** Checks `modelRewrites:`. @param entries `undefined` where the shape is faulty. */
export function checkRewrites(
  entries: readonly (ModelRewriteEntry | undefined)[],
  report: Reporter,
): readonly ModelRewriteSpec[] {
  const owners = findOwners(entries, report);
  reportNames(entries, report);
  for (const [i, entry] of entries.entries()) {
    if (entry === undefined) continue;
    if (entry.targets.every(({ weight }) => weight === 0)) {
      report.fault(["modelRewrites", i, "targets"], "has no target with a weight above 0", "give one of them a weight");
    }
    warnTargets(entry, i, owners, report);
    warnUnweighted(entry, i, report);
  }
  return entries.flatMap((entry) => (entry === undefined ? [] : { ...entry, name: nameOf(entry) }));
}

function nameOf({ name, models }: ModelRewriteEntry): string {
  return name ?? models[0] ?? anyModel;
}

function warnUnweighted({ targets }: ModelRewriteEntry, index: number, report: Reporter): void {
  if (!targets.some(({ weight = 0 }) => weight > 0)) return;
  for (const [j, { model, weight }] of targets.entries()) {
    if (weight !== undefined) continue;
    const message = `${model} has no weight, so it is never chosen beside one that has`;
    report.warn(["modelRewrites", index, "targets", j], message, "give it a weight");
  }
}

/** Rule of each model. Of two rules for one model only one could ever be asked. */
function findOwners(
  entries: readonly (ModelRewriteEntry | undefined)[],
  report: Reporter,
): ReadonlyMap<string, number> {
  const owners = new Map<string, number>();
  for (const [i, entry] of entries.entries()) {
    const models = entry?.models.length === 0 ? [anyModel] : (entry?.models ?? []);
    for (const [j, model] of models.entries()) {
      const other = owners.get(model);
      if (other === undefined) owners.set(model, i);
      else reportSecond(model, other, [i, j], entry?.models.length === 0, report);
    }
  }
  return owners;
}

function reportSecond(
  model: string,
  other: number,
  [i, j]: readonly [number, number],
  isForAny: boolean,
  report: Reporter,
): void {
  const hint = `the other one is on line ${report.lineOf(["modelRewrites", other])}; keep one`;
  if (isForAny) {
    report.fault(["modelRewrites", i], "is a second rule for all other models", hint);
    return;
  }
  const again = other === i ? "is listed twice" : "is a model of another rule";
  report.fault(["modelRewrites", i, "models", j], `${quote(model)} ${again}`, other === i ? "keep one" : hint);
}

function reportNames(entries: readonly (ModelRewriteEntry | undefined)[], report: Reporter): void {
  const names = new Map<string, number>();
  for (const [i, entry] of entries.entries()) {
    if (entry === undefined) continue;
    const name = nameOf(entry);
    const other = names.get(name);
    if (other === undefined) names.set(name, i);
    else if (entry.name !== undefined || entries[other]?.name !== undefined) {
      const hint = `the other one is on line ${report.lineOf(["modelRewrites", other])}`;
      report.fault(["modelRewrites", i], `${quote(name)} is the name of another rule`, hint);
    }
  }
}

/** A model is rewritten once: what it becomes is not looked up again. */
function warnTargets(
  { models, targets }: ModelRewriteEntry,
  i: number,
  owners: ReadonlyMap<string, number>,
  report: Reporter,
): void {
  const [only, ...others] = models;
  if (others.length === 0 && only !== undefined && targets.every(({ model }) => model === only)) {
    report.warn(["modelRewrites", i], `rewrites ${quote(only)} to itself: it changes nothing`, "remove it");
  }
  for (const [j, { model }] of targets.entries()) {
    const next = owners.get(model);
    if (next === undefined || next === i) continue;
    const hint = `the rule on line ${report.lineOf(["modelRewrites", next])} is not asked for it`;
    report.warn(["modelRewrites", i, "targets", j], `${quote(model)} is rewritten no further`, hint);
  }
}
