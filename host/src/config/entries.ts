import { findPolicyType } from "../policies/catalogue.ts";
import type { PolicyRole } from "../policies/policy-type.ts";
import type { ResolvedEntry } from "./check-plugins.ts";
import { type FaultPath, quote } from "./faults.ts";
import { didYouMean } from "./nearest.ts";
import type { Reporter } from "./reporter.ts";

/** Entries of `plugins:` by name, in the order of the file. */
export type Entries = ReadonlyMap<string, ResolvedEntry>;

/** An entry that is plain code of the host. */
export type PolicyEntry = Extract<ResolvedEntry, { kind: "policy" }>;

/** An entry that is a scorer or a producer. */
export type PluginEntryOf = Extract<ResolvedEntry, { kind: "plugin" }>;

/** What each role is called in messages. */
const roleNames: Readonly<Record<PolicyRole, string>> = {
  filter: "filter",
  picker: "picker",
  handler: "profile handler",
  decider: "decider",
  parser: "parser",
  detector: "saturation detector",
  screener: "screener",
  admitter: "admitter",
  agent: "reader of agents",
  session: "reader of sessions",
  reporter: "reporter",
  data: "part of the data layer",
  implied: "producer of the host",
};

/** All policies, in the order of the file. */
export function policiesOf(entries: Entries): readonly PolicyEntry[] {
  return [...entries.values()].filter((entry) => entry.kind === "policy");
}

/** Policies that can be something, in the order of the file. */
export function withRole(entries: Entries, role: PolicyRole): readonly PolicyEntry[] {
  return policiesOf(entries).filter(({ type }) => type[role] !== undefined);
}

/** All plugins, in the order of the file. */
export function pluginsOf(entries: Entries): readonly PluginEntryOf[] {
  return [...entries.values()].filter((entry) => entry.kind === "plugin");
}

/** The entry that something refers to; `undefined` where there is none, which is reported. */
export function findEntry(
  name: string,
  at: FaultPath,
  entries: Entries,
  role: PolicyRole | undefined,
  report: Reporter,
): ResolvedEntry | undefined {
  const entry = entries.get(name);
  if (entry !== undefined) return entry;
  const type = findPolicyType(name);
  const isMissing = type !== undefined && (role === undefined || type[role] !== undefined);
  const hint = isMissing ? `declare it under plugins: - type: ${name}` : didYouMean(name, entries.keys());
  report.fault(at, `there is no plugin named ${quote(name)}`, hint || "declare it under plugins:");
  return undefined;
}

/** The policy that something refers to in a role; `undefined` where there is no such, which is reported. */
export function findPolicy(
  name: string,
  role: PolicyRole,
  at: FaultPath,
  entries: Entries,
  report: Reporter,
): PolicyEntry | undefined {
  const entry = findEntry(name, at, entries, role, report);
  if (entry === undefined || entry.kind === "faulty") return undefined;
  if (entry.kind === "policy" && entry.type[role] !== undefined) return entry;
  const others = withRole(entries, role).map((other) => other.name);
  const hint = others.length === 0 ? "" : `${others.join(", ")} would be one`;
  report.fault(at, `${name} is no ${roleNames[role]}`, hint);
  return undefined;
}
