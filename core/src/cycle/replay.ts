import { createRandom, type PeerPick } from "../contract/index.ts";
import { combineScores } from "./combine-scores.ts";
import type { DecisionRecord, Plan, Profile, ProfileRecord } from "./types.ts";

/** What came of deciding once more from the answers of a recorded decision. */
export interface Rerun {
  /** The profiles run, with what was recorded of their filters and scorers, and totals and picks of this run. */
  readonly profiles: readonly ProfileRecord[];
  /** Slots of the destination, the pick first; empty = refused. */
  readonly destination: readonly number[];
  /** Where it first departs from the record; empty = it agrees. */
  readonly difference: string;
}

/**
 * Combines and picks again, without asking anybody: candidates, scores and seed are those of the record; profiles,
 * weights and pickers those of the plan. Under the plan that the record was made with it agrees.
 */
export function rerun(record: DecisionRecord, plan: Plan): Rerun {
  const random = createRandom(record.seed);
  const profiles: ProfileRecord[] = [];
  let picks: readonly PeerPick[] = [];
  for (;;) {
    const profile = plan.handler.next(record.facts, picks, profiles);
    if (profile === undefined || profiles.some(({ name }) => name === profile.name)) break;
    const recorded = record.profiles.find(({ name }) => name === profile.name);
    if (recorded === undefined) return toRerun(record, plan, profiles, `profile ${profile.name} is not in the record`);
    const again = runProfile(profile, recorded, random);
    profiles.push(again);
    if (again.picked.length > 0) picks = [...picks, { profile: profile.name, slot: again.picked[0] }];
  }
  return toRerun(record, plan, profiles, findDifference(record.profiles, profiles));
}

function runProfile(profile: Profile, recorded: ProfileRecord, random: () => number): ProfileRecord {
  const { candidates } = recorded;
  const scorers = profile.scorers.flatMap(({ scorer, weight }) => {
    const outcome = recorded.scorers.find(({ name }) => name === scorer.name);
    return outcome === undefined ? [] : [{ ...outcome, weight }];
  });
  const totals = combineScores(scorers, candidates.length);
  const picked = candidates.length === 0 ? [] : profile.picker.pick({ candidates, totals, random });
  return { ...recorded, scorers, totals, picked };
}

function toRerun(record: DecisionRecord, plan: Plan, profiles: readonly ProfileRecord[], difference: string): Rerun {
  const destination = profiles.find(({ name }) => name === plan.handler.primary)?.picked ?? [];
  if (difference !== "" || isSame(destination, record.destination)) return { profiles, destination, difference };
  return { profiles, destination, difference: `destination ${destination}, recorded ${record.destination}` };
}

function findDifference(recorded: readonly ProfileRecord[], again: readonly ProfileRecord[]): string {
  for (const [i, { name, scorers, totals, picked }] of again.entries()) {
    const other = recorded[i];
    if (name !== other?.name) return `profile ${name} instead of ${other?.name ?? "none"}`;
    if (scorers.length !== other.scorers.length) return `profile ${name}: scorers differ`;
    if (!isSame(totals, other.totals)) return `profile ${name}: totals differ`;
    if (!isSame(picked, other.picked)) return `profile ${name}: picked ${picked}, recorded ${other.picked}`;
  }
  return again.length === recorded.length ? "" : `profile ${recorded[again.length].name} did not run`;
}

function isSame(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  if (one.length !== other.length) return false;
  for (let i = 0; i < one.length; i++) if (!Object.is(one[i], other[i])) return false;
  return true;
}
