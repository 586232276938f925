import type { EndpointInfo, EndpointSnapshot } from "../contract/index.ts";
import { type LabelSelector, labelOf, matchesLabels } from "../filters/label-selector.ts";

/** Which endpoints make up a rollout, and how its revisions share requests. */
export interface RevisionGating {
  /**
   * What a revision's share is measured by: all its endpoints of the roles required (`sum`), or those of the one role
   * that has most endpoints over all revisions (`max-role`). `disabled` = requests are not shared out.
   */
  readonly mode: "sum" | "max-role" | "disabled";
  /** Roles of each of which a revision needs a ready endpoint to get requests at all. */
  readonly roles: readonly string[];
  /** Label that names an endpoint's revision. */
  readonly revisionLabelKey: string;
  /** Label that names an endpoint's role in the rollout. */
  readonly roleLabelKey: string;
  /** Which endpoints count. */
  readonly scope: LabelSelector;
}

/** Ready endpoints by role. */
type RoleCounts = ReadonlyMap<string, number>;

/** Share of the requests of each revision, by name, in the order of names; 0 where a role is missing. */
export function toRevisionShares(snapshot: EndpointSnapshot, gating: RevisionGating): ReadonlyMap<string, number> {
  const counts = countRoles(snapshot, gating);
  const isComplete = (of: RoleCounts) => gating.roles.every((role) => (of.get(role) ?? 0) > 0);
  const complete = [...counts.values()].filter(isComplete);
  const roles = gating.mode === "max-role" ? [findLargestRole(complete, gating.roles)] : gating.roles;
  const weightOf = (of: RoleCounts) => (isComplete(of) ? sumOf(roles.map((role) => of.get(role) ?? 0)) : 0);
  const total = sumOf([...counts.values()].map(weightOf));
  const names = [...counts.keys()].sort();
  return new Map(names.map((name) => [name, total === 0 ? 0 : weightOf(counts.get(name)!) / total]));
}

function countRoles(snapshot: EndpointSnapshot, gating: RevisionGating): ReadonlyMap<string, RoleCounts> {
  const counts = new Map<string, Map<string, number>>();
  for (const slot of snapshot.live) {
    const endpoint = snapshot.ready[slot] === 1 ? snapshot.at(slot) : undefined;
    const place = endpoint && placeOf(endpoint, gating);
    if (place === undefined) continue;
    const roles = counts.get(place.revision) ?? new Map<string, number>();
    counts.set(place.revision, roles.set(place.role, (roles.get(place.role) ?? 0) + 1));
  }
  return counts;
}

/** Revision and role of an endpoint that counts. */
function placeOf(endpoint: EndpointInfo, { revisionLabelKey, roleLabelKey, scope }: RevisionGating) {
  const revision = labelOf(endpoint, revisionLabelKey);
  const role = labelOf(endpoint, roleLabelKey);
  return revision !== "" && role !== "" && matchesLabels(endpoint.labels, scope) ? { revision, role } : undefined;
}

/** Role with most endpoints over all revisions; of equal ones the first. */
function findLargestRole(revisions: readonly RoleCounts[], roles: readonly string[]): string {
  const totals = roles.map((role) => sumOf(revisions.map((counts) => counts.get(role) ?? 0)));
  return roles[totals.indexOf(Math.max(...totals))];
}

function sumOf(numbers: readonly number[]): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
