import type { DeclaredProcess } from "./check-processes.ts";
import { type Entries, type PolicyEntry, pluginsOf, policiesOf } from "./entries.ts";
import { isMap, listOf } from "./plain.ts";
import type { Reporter } from "./reporter.ts";

/**
 * Warns of what is written and takes part in nothing. Goes by what is written, so that a fault elsewhere makes nothing
 * look unused.
 * @param used names of policies that something refers to or that stand by default.
 */
export function warnUnused(
  root: Readonly<Record<string, unknown>>,
  entries: Entries,
  processes: ReadonlyMap<string, DeclaredProcess>,
  used: ReadonlySet<string>,
  report: Reporter,
): void {
  const profiles = listOf(root.schedulingProfiles);
  const members = profiles.flatMap((profile) => (isMap(profile) ? listOf(profile.plugins) : []));
  const listed = new Set(members.map((member) => (isMap(member) ? member.pluginRef : undefined)));
  if (profiles.length > 0) {
    const unlisted = pluginsOf(entries).filter(({ role, name }) => role !== "producer" && !listed.has(name));
    for (const { name, index } of unlisted) {
      const message = `${name} is in no profile, so it is never asked`;
      report.warn(["plugins", index], message, "list it in a profile, or remove it");
    }
  }
  const named = refsIn(root);
  const idle = policiesOf(entries).filter(({ name }) => !used.has(name) && !named.has(name));
  for (const entry of idle) warnIdle(entry, report);
  warnProcesses(root, processes, report);
}

/** Every name behind `pluginRef:`, wherever it is written. */
function refsIn(value: unknown): ReadonlySet<unknown> {
  const inner = Array.isArray(value) ? value : isMap(value) ? Object.values(value) : [];
  const own = isMap(value) ? [value.pluginRef] : [];
  return new Set([...own, ...inner.flatMap((each) => [...refsIn(each)])]);
}

/** What a policy of each role is without, where it takes part in nothing; those of other roles always take part. */
const places = {
  detector: "is in no profile and not the saturationDetector of flowControl, so it is never asked",
  filter: "is in no profile, so it never runs",
  picker: "is in no profile, so it never picks",
  decider: "is named by no profile handler, so it is never asked",
  parser: "is not among requestHandler.parsers, so it is never asked",
  data: "is not named under dataLayer:, so it is never asked",
} as const;

const alwaysAsked = ["handler", "screener", "admitter", "agent", "session", "reporter", "implied"] as const;

function warnIdle({ name, index, type }: PolicyEntry, report: Reporter): void {
  if (alwaysAsked.some((role) => type[role] !== undefined)) return;
  const role = (Object.keys(places) as (keyof typeof places)[]).find((each) => type[each] !== undefined);
  if (role !== undefined) report.warn(["plugins", index], `${name} ${places[role]}`, "name it there, or remove it");
}

function warnProcesses(
  root: Readonly<Record<string, unknown>>,
  processes: ReadonlyMap<string, DeclaredProcess>,
  report: Reporter,
): void {
  const used = new Set(listOf(root.plugins).map((plugin) => (isMap(plugin) ? plugin.process : undefined)));
  for (const [name, { index }] of processes) {
    if (!used.has(name)) report.warn(["processes", index], `${name} serves no plugin, so it is not started`);
  }
}
