import { createRandom, type PeerPick } from "../contract/index.ts";
import { combineScores } from "./combine-scores.ts";
import { isMissing, isRefusing, neutralScores } from "./stand-in.ts";
import type { DecisionRecord, FailurePolicy, Plan, Profile, ProfileRecord, ScorerOutcome } from "./types.ts";
import { pickUnvetoed } from "./vetoes.ts";

/** What came of deciding once more from the answers of a recorded decision. */
export interface Rerun {
  /** The profiles run, with what was recorded of their filters and scorers, and totals and picks of this run. */
  readonly profiles: readonly ProfileRecord[];
  /** Slots of the destination, the pick first; empty = refused. */
  readonly destination: readonly number[];
  /** Scorer whose missing answer refuses the request; empty = none. */
  readonly failedBy: string;
  /** Where it first departs from the record; empty = it agrees. */
  readonly difference: string;
}

const noScores = new Float32Array(0);

/**
 * Combines and picks again, without asking anybody: candidates, scores, vetoes and seed are those of the record;
 * profiles, weights, failure policies and pickers those of the plan, which may count what was a shadow scorer. What
 * another scorer or an earlier answer would have put in the place of a missing one is known where the record has it.
 * Under the plan that the record was made with it agrees.
 */
export function rerun(record: DecisionRecord, plan: Plan): Rerun {
  const random = createRandom(record.seed);
  const profiles: ProfileRecord[] = [];
  let picks: readonly PeerPick[] = [];
  let failedBy = "";
  while (failedBy === "") {
    const profile = plan.handler.next(record.facts, picks, profiles);
    if (profile === undefined || profiles.some(({ name }) => name === profile.name)) break;
    const recorded = record.profiles.find(({ name }) => name === profile.name);
    const missing = `profile ${profile.name} is not in the record`;
    if (recorded === undefined) return toRerun(record, plan, profiles, failedBy, missing);
    const scorers = countAgain(profile, recorded);
    failedBy = findRefusal(profile, scorers);
    const again = runProfile(profile, { ...recorded, scorers }, failedBy === "" ? random : undefined);
    profiles.push(again);
    if (again.picked.length > 0) picks = [...picks, { profile: profile.name, slot: again.picked[0] }];
  }
  return toRerun(record, plan, profiles, failedBy, findDifference(record.profiles, profiles));
}

/** The recorded outcomes of the scorers that a profile counts, as it counts them. */
function countAgain(profile: Profile, recorded: ProfileRecord): readonly ScorerOutcome[] {
  const known = [...recorded.scorers, ...recorded.shadows];
  return profile.scorers.flatMap(({ scorer, weight, onFailure, shadow }) => {
    const outcome = shadow ? undefined : known.find(({ name }) => name === scorer.name);
    return outcome === undefined ? [] : [{ ...standInAgain(outcome, onFailure, recorded.candidates.length), weight }];
  });
}

function standInAgain(outcome: ScorerOutcome, { kind }: FailurePolicy, candidateCount: number): ScorerOutcome {
  if (!isMissing(outcome) || kind === outcome.fallback) return outcome;
  if (kind === "neutral") return { ...outcome, scores: neutralScores(candidateCount), fallback: "neutral" };
  return outcome.fallback === undefined ? outcome : { ...outcome, scores: noScores, fallback: undefined };
}

function findRefusal({ scorers }: Profile, outcomes: readonly ScorerOutcome[]): string {
  const isNeeded = (outcome: ScorerOutcome) =>
    scorers.some(({ scorer, onFailure }) => scorer.name === outcome.name && isRefusing(outcome, onFailure));
  return outcomes.find(isNeeded)?.name ?? "";
}

/** @param random `undefined`: nothing is picked. */
function runProfile({ picker }: Profile, recorded: ProfileRecord, random: (() => number) | undefined): ProfileRecord {
  const { candidates, scorers } = recorded;
  const totals = combineScores(scorers, candidates.length);
  if (candidates.length === 0 || random === undefined) return { ...recorded, totals, picked: [], vetoes: "none" };
  return { ...recorded, totals, ...pickUnvetoed(picker, scorers, { candidates, totals, random }) };
}

function toRerun(
  record: DecisionRecord,
  plan: Plan,
  profiles: readonly ProfileRecord[],
  failedBy: string,
  found: string,
): Rerun {
  const primary = profiles.find(({ name }) => name === plan.handler.primary);
  const destination = failedBy === "" ? (primary?.picked ?? []) : [];
  const difference =
    failedBy === record.failedBy
      ? found || differenceOf(destination, record.destination)
      : `refused for want of ${failedBy || "nothing"}, recorded ${record.failedBy || "nothing"}`;
  return { profiles, destination, failedBy, difference };
}

function differenceOf(destination: readonly number[], recorded: readonly number[]): string {
  return isSame(destination, recorded) ? "" : `destination ${destination}, recorded ${recorded}`;
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
