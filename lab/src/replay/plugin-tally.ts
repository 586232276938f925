import type { Decision, ProducerOutcome, ScorerOutcome } from "@outrider/protos/record";
import type { CandidateData } from "@outrider/protos/scorer";
import { isSameAnswer, isSameValues, type KeyedDecision } from "./difference.ts";
import type { PluginStates } from "./plugin-states.ts";
import type { PluginComparison } from "./replay-report.ts";

/** What is counted of one plugin. */
interface Count {
  readonly type: string;
  compared: number;
  differing: number;
  changes: number;
  values: number;
}

/** Compares the answers of plugins with the recorded ones, plugin by plugin. */
export class PluginTally {
  readonly #counts = new Map<string, Count>();

  compare(recorded: KeyedDecision, now: KeyedDecision): void {
    for (const one of recorded.decision.producers) {
      const other = now.decision.producers.find(({ name, type }) => name === one.name && type === one.type);
      if (other !== undefined) this.#producer(one, recorded, other, now);
    }
    for (const [one, other] of pairScorers(recorded.decision, now.decision)) {
      const count = this.#countOf(one);
      count.compared += 1;
      if (!isSameAnswer(one, other)) count.differing += 1;
      addChanges(count, one.scores, one.abstain, other.scores, other.abstain);
    }
  }

  report(states: PluginStates): readonly PluginComparison[] {
    return Array.from(this.#counts, ([name, { type, compared, differing, changes, values }]) => ({
      name,
      type,
      state: states.get(name) ?? "unknown",
      compared,
      differing,
      meanChange: values === 0 ? 0 : changes / values,
    }));
  }

  #producer(one: ProducerOutcome, recorded: KeyedDecision, other: ProducerOutcome, now: KeyedDecision): void {
    const count = this.#countOf(one);
    count.compared += 1;
    if (!isSameValues(one, recorded.keys, other, now.keys)) count.differing += 1;
    for (const data of one.values) {
      const twin = other.values.find(({ column }) => now.keys.get(column) === recorded.keys.get(data.column));
      if (twin !== undefined) addData(count, data, twin);
    }
  }

  #countOf({ name, type }: Pick<ScorerOutcome, "name" | "type">): Count {
    const known = this.#counts.get(name) ?? { type, compared: 0, differing: 0, changes: 0, values: 0 };
    this.#counts.set(name, known);
    return known;
  }
}

/** Answers of the same scorer in the same profile about the same candidates. */
function* pairScorers(recorded: Decision, now: Decision): Generator<readonly [ScorerOutcome, ScorerOutcome]> {
  for (const { name, candidates, scorers } of recorded.profiles) {
    const run = now.profiles.find((profile) => profile.name === name);
    if (run === undefined || run.candidates.join() !== candidates.join()) continue;
    for (const scorer of scorers) {
      const other = run.scorers.find((each) => each.name === scorer.name && each.type === scorer.type);
      if (other !== undefined) yield [scorer, other];
    }
  }
}

function addData(count: Count, one: CandidateData, other: CandidateData): void {
  addChanges(count, one.values, one.unknown, other.values, other.unknown);
}

function addChanges(
  count: Count,
  one: readonly number[],
  unknownInOne: Uint8Array,
  other: readonly number[],
  unknownInOther: Uint8Array,
): void {
  for (let i = 0; i < Math.min(one.length, other.length); i++) {
    if (isSet(unknownInOne, i) || isSet(unknownInOther, i)) continue;
    count.changes += Math.abs(other[i]! - one[i]!);
    count.values += 1;
  }
}

function isSet(bitmap: Uint8Array, position: number): boolean {
  return ((bitmap[position >> 3] ?? 0) >> (position & 7)) % 2 === 1;
}
