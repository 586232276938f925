import { createRandom } from "../contract/index.ts";
import { combineScores } from "./combine-scores.ts";
import { isMissing, isRefusing, neutralScores } from "./stand-in.ts";
import type {
  DecisionRecord,
  DecisionRefusal,
  FailurePolicy,
  Picker,
  Plan,
  Profile,
  ProfileRecord,
  Routing,
  ScorerOutcome,
} from "./types.ts";
import { pickUnvetoed } from "./vetoes.ts";
import { isRefusal, noRouting, View } from "./view.ts";

/** What came of deciding once more from the answers of a recorded decision. */
export interface Rerun {
  /** The profiles run, with what was recorded of their filters and scorers, and totals and picks of this run. */
  readonly profiles: readonly ProfileRecord[];
  /** Name of the profile whose pick is the destination; empty = none has run. */
  readonly primary: string;
  /** Slots of the destination, the pick first; empty = refused. */
  readonly destination: readonly number[];
  /** What the request carries to its destination. */
  readonly routing: Routing;
  /** Why the request is refused; `undefined` = no policy does. */
  readonly refusal: DecisionRefusal | undefined;
  /** Scorer whose missing answer refuses the request; empty = none. */
  readonly failedBy: string;
  /** Where it first departs from the record; empty = it agrees. */
  readonly difference: string;
}

const noScores = new Float32Array(0);

/**
 * Combines and picks again, without asking a plugin: candidates, what producers, filters and admitters said, scores,
 * vetoes and seed are those of the record; profiles, weights, failure policies, pickers and the handler those of the
 * plan, which may count what was a shadow scorer. What another scorer or an earlier answer would have put in the place
 * of a missing one is known where the record has it. Under the plan that the record was made with it agrees.
 */
export function rerun(record: DecisionRecord, plan: Plan): Rerun {
  const random = createRandom(record.seed);
  const profiles: ProfileRecord[] = [];
  const view = new View({ ...record, profiles, produced: toProduced(record, plan) });
  let refusal = findAdmitted(record, plan);
  let failedBy = "";
  while (failedBy === "" && refusal === undefined) {
    const next = plan.handler.next(view);
    if (next !== undefined && isRefusal(next)) refusal = next;
    else if (next === undefined || profiles.some(({ name }) => name === next.name)) break;
    else {
      const recorded = record.profiles.find(({ name }) => name === next.name);
      const missing = `profile ${next.name} is not in the record`;
      if (recorded === undefined) return toRerun(record, plan, view, { refusal, failedBy }, missing);
      const scorers = countAgain(next, recorded);
      failedBy = findRefusal(next, scorers);
      const again = runProfile(next, record, { ...recorded, scorers }, failedBy === "" ? random : undefined);
      profiles.push(again);
      view.addPick(again);
    }
  }
  return toRerun(record, plan, view, { refusal, failedBy }, findDifference(record.profiles, profiles));
}

/** What producers of the plan wrote, by its keys. */
function toProduced({ producers }: DecisionRecord, { waves }: Plan): ReadonlyMap<string, Float32Array> {
  const produced = new Map<string, Float32Array>();
  for (const { producer } of waves.flat()) {
    const values = producers.find(({ name }) => name === producer.name)?.values ?? [];
    for (const [i, written] of values.entries()) produced.set(producer.produces[i], written);
  }
  return produced;
}

/** The recorded refusal of an admitter that the plan still has. */
function findAdmitted({ refusal }: DecisionRecord, { admitters }: Plan): DecisionRefusal | undefined {
  return refusal !== undefined && admitters.some(({ name }) => name === refusal.by) ? refusal : undefined;
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
function runProfile(
  { picker }: Profile,
  { facts, snapshot }: DecisionRecord,
  recorded: ProfileRecord,
  random: (() => number) | undefined,
): ProfileRecord {
  const { candidates, scorers } = recorded;
  const totals = combineScores(scorers, candidates.length);
  if (candidates.length === 0 || random === undefined) return { ...recorded, totals, picked: [], vetoes: "none" };
  const input = { candidates, totals, facts, endpoints: snapshot, columns: snapshot.columns, random };
  return { ...recorded, totals, ...pickUnvetoed(asThen(picker, recorded.picked), scorers, input) };
}

/** A picker as it was when the decision was made: one that goes by more than its input is told what it chose. */
function asThen(picker: Picker, recorded: readonly number[]): Picker {
  const { name, type } = picker;
  return picker.again === undefined ? picker : { name, type, pick: (input) => picker.again!(input, recorded) };
}

function toRerun(
  record: DecisionRecord,
  { handler }: Plan,
  view: View,
  ending: Pick<Rerun, "refusal" | "failedBy">,
  found: string,
): Rerun {
  const { profiles } = view;
  const name = handler.primaryOf(profiles);
  const primary = profiles.find((profile) => profile.name === name);
  const isRefused = ending.failedBy !== "" || ending.refusal !== undefined;
  const destination = isRefused ? [] : (primary?.picked ?? []);
  const routing = (destination.length > 0 && handler.route?.(view)) || noRouting;
  const made = { profiles, primary: primary?.name ?? "", destination, routing, ...ending };
  return { ...made, difference: findRefusalDifference(made, record) || found || findLeadDifference(made, record) };
}

type Ending = Pick<DecisionRecord, "primary" | "destination" | "routing" | "refusal" | "failedBy">;

function findRefusalDifference(again: Ending, recorded: Ending): string {
  if (again.failedBy !== recorded.failedBy) {
    return `refused for want of ${again.failedBy || "nothing"}, recorded ${recorded.failedBy || "nothing"}`;
  }
  const [now, then] = [again, recorded].map(({ refusal }) =>
    refusal ? `${refusal.by}: ${refusal.message}` : "nobody",
  );
  return now === then ? "" : `refused by ${now}, recorded ${then}`;
}

function findLeadDifference(again: Ending, recorded: Ending): string {
  if (again.primary !== recorded.primary)
    return `primary ${again.primary || "none"}, recorded ${recorded.primary || "none"}`;
  if (!isSame(again.destination, recorded.destination)) {
    return `destination ${again.destination}, recorded ${recorded.destination}`;
  }
  const [now, then] = [toText(again.routing), toText(recorded.routing)];
  return now === then ? "" : `routing ${now}, recorded ${then}`;
}

function toText({ setHeaders, port }: Routing): string {
  return [...setHeaders.map(([name, value]) => `${name}: ${value}`), `port ${port}`].join(", ");
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
