import { findPolicyType } from "../policies/catalogue.ts";
import type { DefaultPolicies } from "./default-policies.ts";
import { type Entries, type PolicyEntry, withRole } from "./entries.ts";
import type { Reporter } from "./reporter.ts";
import type { ProfileSpec } from "./types.ts";

/** Name of the profile handler: the one that is configured, or one that runs the only profile. */
export function checkHandler(
  entries: Entries,
  profiles: readonly ProfileSpec[],
  defaults: DefaultPolicies,
  report: Reporter,
): string {
  const [first, second] = withRole(entries, "handler");
  if (second !== undefined) {
    report.fault(["plugins", second.index], `is a second profile handler, beside ${first?.name}`, "keep one of them");
  }
  if (first !== undefined) {
    checkProfilesOf(first, profiles, report);
    return first.name;
  }
  const hasFaulty = [...entries.values()].some(({ typeName }) => findPolicyType(typeName)?.handler !== undefined);
  if (profiles.length > 1 && !hasFaulty) {
    const hint = "name a profile handler that runs several under plugins:, or keep one profile";
    report.fault(["schedulingProfiles", 1], `is the second of ${profiles.length} profiles`, hint);
  }
  return defaults.take("single-profile-handler");
}

function checkProfilesOf({ index, type, spec }: PolicyEntry, profiles: readonly ProfileSpec[], report: Reporter): void {
  const names = profiles.map(({ name }) => name);
  const fault = type.checkProfiles?.(spec.parameters as never, names);
  if (fault !== undefined) {
    report.fault(["plugins", index], fault);
    return;
  }
  const reached = new Set(type.reaches?.(spec.parameters as never, names) ?? names);
  for (const [i, name] of names.entries()) {
    if (reached.has(name)) continue;
    report.warn(["schedulingProfiles", i], `${name} never runs: ${spec.name} does not choose it`, "remove it");
  }
}
