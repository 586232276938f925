import { besideName } from "./beside-filters.ts";
import type { ResolvedEntry } from "./check-plugins.ts";
import type { DefaultPolicies } from "./default-policies.ts";
import { type Entries, findEntry, type PolicyEntry, policiesOf } from "./entries.ts";
import { type FaultPath, quote } from "./faults.ts";
import type { Reporter } from "./reporter.ts";
import type { ProfileEntry } from "./schema.ts";
import type { FilterPlace, ProfileSpec, ScorerPlace } from "./types.ts";

type Member = ProfileEntry["plugins"][number];

/**
 * Checks what profiles refer to. Without any there is one, of every filter and scorer in the order of the file; a
 * profile without a picker gets the first one configured, else `max-score-picker`.
 * @param profiles `undefined` where the shape is faulty.
 */
export function checkProfiles(
  profiles: readonly (ProfileEntry | undefined)[],
  entries: Entries,
  defaults: DefaultPolicies,
  report: Reporter,
): readonly ProfileSpec[] {
  if (profiles.length === 0) return [defaultProfile(entries, defaults)];
  const names = new Map<string, number>();
  return profiles.flatMap((profile, index) => {
    if (profile === undefined) return [];
    const path = ["schedulingProfiles", index];
    const first = names.get(profile.name);
    if (first === undefined) names.set(profile.name, index);
    else {
      const line = report.lineOf(["schedulingProfiles", first]);
      const hint = `the other one is on line ${line}`;
      report.fault([...path, "name"], `${quote(profile.name)} is the name of another profile`, hint);
    }
    return [checkProfile(profile, path, entries, defaults, report)];
  });
}

function defaultProfile(entries: Entries, defaults: DefaultPolicies): ProfileSpec {
  const all = [...entries.values()];
  const filters = policiesOf(entries).filter(({ type }) => type.filter !== undefined);
  const scorers = all.flatMap((entry) =>
    entry.kind === "plugin" && entry.role !== "producer" ? [toPlace(entry, 1)] : [],
  );
  return { name: "default", filters: filters.map(toFilterPlace), scorers, picker: firstPicker(entries, defaults) };
}

function firstPicker(entries: Entries, defaults: DefaultPolicies): string {
  const first = policiesOf(entries).find(({ type }) => type.picker !== undefined);
  return first?.name ?? defaults.take("max-score-picker");
}

function toFilterPlace({ name, onEmpty }: PolicyEntry): FilterPlace {
  return { name, onEmpty };
}

function toPlace(entry: Extract<ResolvedEntry, { kind: "plugin" }>, weight: number): ScorerPlace {
  const { spec, onFailure, shadow } = entry;
  return { name: spec.name, weight, budgetMs: spec.budgetMs, onFailure, shadow };
}

function checkProfile(
  profile: ProfileEntry,
  path: FaultPath,
  entries: Entries,
  defaults: DefaultPolicies,
  report: Reporter,
): ProfileSpec {
  const filters: FilterPlace[] = [];
  const scorers: ScorerPlace[] = [];
  const listed = new Map<string, number>();
  let picker: PolicyEntry | undefined;
  let faulty = false;
  for (const [i, member] of profile.plugins.entries()) {
    const at = [...path, "plugins", i];
    if (isRepeated(member, i, path, listed, report)) continue;
    const entry = findEntry(member.pluginRef, [...at, "pluginRef"], entries, undefined, report);
    faulty ||= entry === undefined || entry.kind === "faulty";
    if (entry?.kind === "plugin" && entry.role !== "producer") {
      scorers.push(toPlace(entry, member.weight ?? 1));
      const beside = entries.get(besideName(entry.name));
      if (beside?.kind === "policy" && beside.type.beside !== undefined) filters.push(toFilterPlace(beside));
    } else if (entry !== undefined) warnWeight(member, entry, at, report);
    if (entry?.kind === "plugin" && entry.role === "producer")
      warnNoPart(entry.name, "a producer runs for every profile", at, report);
    if (entry?.kind !== "policy") continue;
    const { filter, picker: pick } = entry.type;
    if (filter !== undefined) filters.push(toFilterPlace(entry));
    if (filter === undefined && pick === undefined) warnNoPart(entry.name, whyNoPart(entry), at, report);
    if (pick === undefined) continue;
    if (picker === undefined) picker = entry;
    else report.fault(at, `is a second picker, beside ${picker.name}`, "keep one picker in a profile");
  }
  const pickerName = picker?.name ?? firstPicker(entries, defaults);
  if (scorers.every(({ shadow }) => shadow) && !faulty && typeOf(pickerName, entries) !== "random-picker") {
    report.warn(
      path,
      "has no scorer that counts: all candidates are equal to its picker",
      "list a scorer, or a random-picker",
    );
  }
  return { name: profile.name, filters, scorers, picker: pickerName };
}

function typeOf(name: string, entries: Entries): string | undefined {
  const entry = entries.get(name);
  return entry?.kind === "policy" ? entry.spec.type : undefined;
}

function whyNoPart({ type }: PolicyEntry): string {
  return type.handler === undefined ? "it works for every profile" : "the profile handler is part of no profile";
}

function isRepeated(
  { pluginRef }: Member,
  index: number,
  path: FaultPath,
  listed: Map<string, number>,
  report: Reporter,
): boolean {
  const first = listed.get(pluginRef);
  listed.set(pluginRef, first ?? index);
  if (first === undefined) return false;
  const line = report.lineOf([...path, "plugins", first]);
  report.fault([...path, "plugins", index], `lists ${quote(pluginRef)} again`, `it is listed on line ${line}`);
  return true;
}

function warnWeight({ weight }: Member, { kind, name }: ResolvedEntry, at: FaultPath, report: Reporter): void {
  if (weight === undefined || kind === "faulty") return;
  report.warn([...at, "weight"], `means nothing for ${name}, which is no scorer`, "remove it", "key");
}

function warnNoPart(name: string, why: string, at: FaultPath, report: Reporter): void {
  report.warn(at, `${name} has no part in a profile`, why);
}
