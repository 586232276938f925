import type { Scorer } from "../contract/index.ts";
import type { Call } from "./call.ts";
import { checkScores } from "./outcomes.ts";
import { newFloats } from "./slab.ts";
import type { FailurePolicy, PluginOutcome, ScorerOutcome } from "./types.ts";

/** What every candidate gets in the place of a missing answer that counts as neutral. */
export const neutralScore = 0.5;

/** Whether an answer is missing; an abstention is an answer. */
export function isMissing({ kind }: PluginOutcome): boolean {
  return kind === "late" || kind === "failed" || kind === "shed";
}

/** Whether the request is to be refused for it. */
export function isRefusing(outcome: PluginOutcome, { kind }: FailurePolicy): boolean {
  return kind === "fail_request" && isMissing(outcome);
}

/**
 * What a scorer brought as it counts: a missing answer with what stands in for it. Keeps an answer that may have to stand
 * in for a later one.
 * @param call that it is the outcome of.
 */
export function heed(outcome: ScorerOutcome, policy: FailurePolicy, call: Call): ScorerOutcome {
  if (isMissing(outcome)) return standIn(outcome, policy, call);
  if (outcome.kind === "scored" && policy.kind === "last_known" && !call.isRehearsal) {
    policy.last.note(call.endpoints, call.candidates, outcome.scores, call.nowMs);
  }
  return outcome;
}

/**
 * A missing answer with what its policy puts in its place, if that has anything to say. Nothing here waits: what is not
 * there at once counts for nothing.
 */
function standIn(outcome: ScorerOutcome, policy: FailurePolicy, call: Call): ScorerOutcome {
  switch (policy.kind) {
    case "abstain":
    case "fail_request":
      return outcome;
    case "neutral":
      return { ...outcome, scores: neutralScores(call.candidates.length), fallback: "neutral" };
    case "last_known": {
      const scores = policy.last.recall(call.endpoints, call.candidates, call.nowMs);
      return scores.every(Number.isNaN) ? outcome : { ...outcome, scores, fallback: "last_known" };
    }
    case "inline":
      return askInline(outcome, policy.scorer, call.again());
  }
}

/** {@link neutralScore} for so many candidates. */
export function neutralScores(count: number): Float32Array {
  return newFloats(count).fill(neutralScore);
}

function askInline(outcome: ScorerOutcome, scorer: Scorer, call: Call): ScorerOutcome {
  const scores = newFloats(call.candidates.length).fill(Number.NaN);
  try {
    const answer = scorer.score(call, scores);
    if (typeof answer === "object" && answer !== null) {
      void Promise.resolve(answer).catch(() => {});
      return outcome;
    }
  } catch {
    return outcome;
  }
  const { rated, clamped, isInvalid } = checkScores(scores);
  return isInvalid || rated === 0 ? outcome : { ...outcome, scores, clamped, fallback: "inline" };
}
