import type { ResolvedEntry } from "./check-plugins.ts";
import { type FaultPath, quote } from "./faults.ts";
import { defaultPicker, isPicker } from "./host-types.ts";
import { didYouMean } from "./nearest.ts";
import type { Reporter } from "./reporter.ts";
import type { ProfileEntry } from "./schema.ts";
import type { PickerSpec, ProfileSpec, ScorerPlace } from "./types.ts";

type Member = ProfileEntry["plugins"][number];
type Entries = ReadonlyMap<string, ResolvedEntry>;

/**
 * Checks what profiles refer to. Without any there is one, of every scorer; a profile without a picker gets the first
 * one configured, else `max-score-picker`.
 * @param profiles `undefined` where the shape is faulty.
 */
export function checkProfiles(
  profiles: readonly (ProfileEntry | undefined)[],
  entries: Entries,
  report: Reporter,
): readonly ProfileSpec[] {
  if (profiles.length === 0) return [defaultProfile(entries)];
  if (profiles.length > 1) {
    const hint = "keep one: no profile handler that runs several is available yet";
    report.fault(["schedulingProfiles", 1], `is the second of ${profiles.length} profiles`, hint);
  }
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
    return [checkProfile(profile, path, entries, report)];
  });
}

function defaultProfile(entries: Entries): ProfileSpec {
  const scorers = [...entries.values()].flatMap((entry) =>
    entry.kind === "plugin" && entry.role !== "producer" ? [toPlace(entry, 1)] : [],
  );
  return { name: "default", scorers, picker: firstPicker(entries) };
}

function firstPicker(entries: Entries): PickerSpec {
  for (const entry of entries.values()) if (entry.kind === "picker") return entry.picker;
  return defaultPicker;
}

function toPlace(entry: Extract<ResolvedEntry, { kind: "plugin" }>, weight: number): ScorerPlace {
  const { spec, onFailure, shadow } = entry;
  return { name: spec.name, weight, budgetMs: spec.budgetMs, onFailure, shadow };
}

function checkProfile(profile: ProfileEntry, path: FaultPath, entries: Entries, report: Reporter): ProfileSpec {
  const scorers: ScorerPlace[] = [];
  const listed = new Map<string, number>();
  let picker: PickerSpec | undefined;
  let faulty = false;
  for (const [i, member] of profile.plugins.entries()) {
    const at = [...path, "plugins", i];
    if (isRepeated(member, i, path, listed, report)) continue;
    const entry = findEntry(member, at, entries, report);
    faulty ||= entry === undefined || entry.kind === "faulty";
    if (entry?.kind === "plugin" && entry.role !== "producer") scorers.push(toPlace(entry, member.weight ?? 1));
    else if (entry !== undefined) warnWeight(member, entry, at, report);
    if (entry?.kind === "plugin" && entry.role === "producer")
      warnNoPart(entry.name, "a producer runs for every profile", at, report);
    if (entry?.kind === "handler") warnNoPart(entry.name, "the profile handler is part of no profile", at, report);
    if (entry?.kind !== "picker") continue;
    if (picker === undefined) picker = entry.picker;
    else report.fault(at, `is a second picker, beside ${picker.name}`, "keep one picker in a profile");
  }
  picker ??= firstPicker(entries);
  if (scorers.every(({ shadow }) => shadow) && !faulty && picker.type !== "random-picker") {
    report.warn(
      path,
      "has no scorer that counts: all candidates are equal to its picker",
      "list a scorer, or a random-picker",
    );
  }
  return { name: profile.name, scorers, picker };
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

function findEntry(
  { pluginRef }: Member,
  at: FaultPath,
  entries: Entries,
  report: Reporter,
): ResolvedEntry | undefined {
  const entry = entries.get(pluginRef);
  if (entry !== undefined) return entry;
  const undeclared = isPicker(pluginRef) ? `declare it: - type: ${pluginRef}` : "declare it under plugins:";
  report.fault(
    [...at, "pluginRef"],
    `there is no plugin named ${quote(pluginRef)}`,
    didYouMean(pluginRef, entries.keys()) || undeclared,
  );
  return undefined;
}

function warnWeight({ weight }: Member, { kind, name }: ResolvedEntry, at: FaultPath, report: Reporter): void {
  if (weight === undefined || kind === "faulty") return;
  report.warn([...at, "weight"], `means nothing for ${name}, which is no scorer`, "remove it", "key");
}

function warnNoPart(name: string, why: string, at: FaultPath, report: Reporter): void {
  report.warn(at, `${name} has no part in a profile`, why);
}
