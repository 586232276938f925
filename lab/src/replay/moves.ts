import type { DecisionRecord } from "@outrider/core";
import type { Decision, ProfileRun } from "@outrider/protos/record";

/** What a decision to send a request elsewhere came from. */
export type MoveCause =
  /** The scorer that said most for it. */
  | "scorer"
  /** Totals are equal: the picker's order of ties. */
  | "tie"
  /** The old pick's total is higher: the picker does not take the highest. */
  | "picker"
  /** The old pick was left out. */
  | "filter"
  | "veto"
  /** The request is refused, or was. */
  | "refusal";

/** What a scorer said for the new pick against the old one, in shares of the totals. */
export interface ScorerGain {
  readonly scorer: string;
  /** Of the totals that it goes by now. */
  readonly now: number;
  /** Of the recorded totals; `NaN` where it had no part in them. */
  readonly recorded: number;
}

/** A request that goes elsewhere now. */
export interface Move {
  readonly decisionId: string;
  /** Ids of endpoints; empty = refused. */
  readonly from: string;
  readonly to: string;
  readonly cause: MoveCause;
  /** Scorer, filter, picker or whoever refuses; may be empty. */
  readonly by: string;
  readonly gains: readonly ScorerGain[];
}

/** A decision as it was, and as it is made now. */
export interface MovedDecision {
  readonly recorded: Decision;
  readonly now: Decision;
  readonly record: DecisionRecord;
}

/** Why a request goes elsewhere. */
export function explainMove({ recorded, now, record }: MovedDecision): Move {
  const [from, to] = [recorded.destination[0] ?? -1, now.destination[0] ?? -1];
  const idOf = (slot: number) => (slot < 0 ? "" : (record.snapshot.at(slot)?.id ?? `slot ${slot}`));
  const ends = { decisionId: recorded.decisionId, from: idOf(from), to: idOf(to) };
  const run = now.profiles.find(({ name }) => name === now.primary);
  if (from < 0 || to < 0 || run === undefined) {
    return { ...ends, cause: "refusal", by: refuserOf(record, recorded), gains: [] };
  }
  const gains = toGains(
    run,
    recorded.profiles.find(({ name }) => name === recorded.primary),
    to,
    from,
  );
  return { ...ends, ...findCause(run, gains, to, from), gains };
}

function refuserOf({ refusal, failedBy, profiles }: DecisionRecord, { refused }: Decision): string {
  const emptied = profiles.flatMap(({ filters }) => filters).find(({ kept }) => kept.length === 0)?.name;
  return refusal?.by || failedBy || emptied || refused?.policy || refused?.scorer || "";
}

function findCause(
  run: ProfileRun,
  gains: readonly ScorerGain[],
  to: number,
  from: number,
): Pick<Move, "cause" | "by"> {
  const at = run.candidates.indexOf(from);
  const filter = run.filters.find(({ kept }) => !kept.includes(from));
  if (at < 0) return { cause: "filter", by: filter?.name ?? "" };
  const veto = run.vetoesIgnored
    ? undefined
    : run.scorers.find(({ veto }) => ((veto[at >> 3] ?? 0) >> (at & 7)) % 2 === 1);
  if (veto !== undefined) return { cause: "veto", by: veto.name };
  const gain = run.totals[run.candidates.indexOf(to)]! - run.totals[at]!;
  if (gain === 0) return { cause: "tie", by: run.picker };
  if (!(gain > 0)) return { cause: "picker", by: run.picker };
  const most = gains.reduce((best, each) => (each.now > best.now ? each : best), gains[0]!);
  return { cause: "scorer", by: most.scorer };
}

function toGains(now: ProfileRun, recorded: ProfileRun | undefined, to: number, from: number): readonly ScorerGain[] {
  return now.scorers.map(({ name }) => ({
    scorer: name,
    now: gainOf(now, name, to, from),
    recorded: recorded === undefined ? Number.NaN : gainOf(recorded, name, to, from),
  }));
}

/** What a scorer adds to the total of one candidate more than to that of another; `NaN` where it rated neither. */
function gainOf(run: ProfileRun, scorer: string, to: number, from: number): number {
  const [one, other] = [to, from].map((slot) => shareOf(run, scorer, run.candidates.indexOf(slot)));
  return one! - other!;
}

/** A scorer's part of a candidate's total: of those who rated it, scaled as if all had. 0 where it has not. */
function shareOf({ scorers }: ProfileRun, name: string, position: number): number {
  const own = scorers.find((scorer) => scorer.name === name);
  if (own === undefined || position < 0) return Number.NaN;
  const rated = scorers.filter(({ scores, abstain }) => position < scores.length && !isSet(abstain, position));
  if (!rated.includes(own)) return 0;
  const all = scorers.reduce((sum, { weight }) => sum + weight, 0);
  const raters = rated.reduce((sum, { weight }) => sum + weight, 0);
  return (all * own.weight * own.scores[position]!) / raters;
}

function isSet(bitmap: Uint8Array, position: number): boolean {
  return ((bitmap[position >> 3] ?? 0) >> (position & 7)) % 2 === 1;
}
