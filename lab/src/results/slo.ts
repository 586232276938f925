import type { RequestOutcome } from "../contract/index.ts";

/** Whether a request met its targets; `none` = it has no target. */
export type SloVerdict = "met" | "missed" | "unjudged" | "none";

/**
 * A request meets its targets when it was answered whole, and in time by each target that it has. One whose client gave
 * up by itself is judged by the TTFT alone, as far as that is known: it missed it if no token came while it waited longer.
 */
export function judgeSlo(outcome: RequestOutcome): SloVerdict {
  const { sloTtftMs, sloTpotMs } = outcome.request;
  if (!(sloTtftMs > 0) && !(sloTpotMs > 0)) return "none";
  if (outcome.kind === "aborted") return judgeAborted(outcome);
  if (outcome.kind !== "ok" || Number.isNaN(outcome.ttftMs)) return "missed";
  if (sloTtftMs > 0 && outcome.ttftMs > sloTtftMs) return "missed";
  return sloTpotMs > 0 && tpotOf(outcome) > sloTpotMs ? "missed" : "met";
}

/** Mean gap between the tokens of a request, in ms; `NaN` where it has none. */
export function tpotOf({ sentMs, ttftMs, endMs, outputTokens }: RequestOutcome): number {
  return outputTokens > 1 ? (endMs - sentMs - ttftMs) / (outputTokens - 1) : Number.NaN;
}

function judgeAborted({ request, sentMs, endMs, ttftMs }: RequestOutcome): SloVerdict {
  if (!(request.sloTtftMs > 0)) return "unjudged";
  const waitedMs = Number.isNaN(ttftMs) ? endMs - sentMs : ttftMs;
  return waitedMs > request.sloTtftMs ? "missed" : "unjudged";
}
