import type { ScoreResponse } from "@outrider/protos/scorer";
import type { Placement } from "../plugins/types.ts";
import { type Discrepancy, findDiscrepancies, fromResponse, type ReplayAnswer, rowsOf } from "./answers.ts";
import type { RecordedInstance } from "./recorded-instance.ts";
import type { CallSubject } from "./replay-call.ts";
import type { DifferenceKind, InstanceTally, ReplayTally } from "./replay-report.ts";

/** One call as all placements have answered it. */
export interface AnsweredCall {
  readonly instance: RecordedInstance;
  readonly subject: CallSubject;
  /** At least one; the first is what the others are compared with. */
  readonly answers: ReadonlyMap<Placement, ReplayAnswer>;
  /** Revision that plugins of the recorded connection had. */
  readonly rev: number;
}

/** What the calls of one recorded process are counted by. */
export interface ComparisonContext {
  readonly process: string;
  readonly generation: number;
  readonly tally: ReplayTally;
  tallyOf(instance: RecordedInstance): InstanceTally;
}

/** Calls whose recorded answers have not come yet, and what came of comparing the others. */
export class ComparedCalls {
  readonly #context: ComparisonContext;
  readonly #open = new Map<number, AnsweredCall>();

  constructor(context: ComparisonContext) {
    this.#context = context;
  }

  /** Compares the placements; the recorded answer is still to come. */
  add(call: AnsweredCall): void {
    const { instance, subject, answers } = call;
    const tally = this.#context.tallyOf(instance);
    const [[first, want], ...others] = pairsOf(answers);
    let differs = false;
    for (const [placement, got] of others) {
      const found = findDiscrepancies(want, got, rowsOf(instance));
      differs ||= found.length > 0;
      this.#tell("placements", call, [first, placement], found);
    }
    tally.calls += 1;
    if (differs) tally.differing += 1;
    for (const [placement, { kind }] of answers) {
      if (kind === "failed") tally.failed[placement] = (tally.failed[placement] ?? 0) + 1;
    }
    this.#open.set(subject.recorded.callId, call);
  }

  /** Compares a recorded answer with the first placement's. */
  answered(response: ScoreResponse): void {
    const call = this.#open.get(response.callId);
    if (call === undefined) return;
    this.#open.delete(response.callId);
    const { instance, subject, answers, rev } = call;
    const { recorded } = this.#context.tallyOf(instance);
    const was = fromResponse(response, instance, subject.candidates.length);
    if (was.kind === "failed") {
      recorded.failed += 1;
    } else if (response.rev !== rev) {
      recorded.later += 1;
    } else {
      const [[first, now]] = pairsOf(answers);
      const found = findDiscrepancies(was, now, rowsOf(instance));
      recorded.compared += 1;
      if (found.length > 0) recorded.differing += 1;
      this.#tell("recorded", call, ["recorded", first], found);
    }
  }

  /** No further recorded answers come. */
  clear(): void {
    this.#open.clear();
  }

  #tell(
    kind: DifferenceKind,
    { instance, subject }: AnsweredCall,
    between: readonly [string, string],
    found: readonly Discrepancy[],
  ): void {
    const { process, generation, tally } = this.#context;
    const { recorded, candidates, snapshot } = subject;
    const place = { process, generation, instance: instance.id, type: instance.type, callId: recorded.callId };
    for (const discrepancy of found) {
      const slot = candidates[discrepancy.position] ?? -1;
      tally.differ({ kind, ...place, slot, endpoint: snapshot.at(slot)?.id ?? "", between, ...discrepancy });
    }
  }
}

type Pair = readonly [Placement, ReplayAnswer];

function pairsOf(answers: ReadonlyMap<Placement, ReplayAnswer>): readonly [Pair, ...Pair[]] {
  const [first, ...others] = answers;
  return [first!, ...others];
}
