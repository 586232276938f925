import type { CandidateData, RequestFacts } from "../contract/index.ts";

/** How a candidate stands to the request's targets, by what is predicted: `unknown` where too little is. */
export type Standing = "met" | "missed" | "unknown";

/** Whether the request has a TTFT or a TPOT target. */
export function hasTarget({ sloTtftMs, sloTpotMs }: RequestFacts): boolean {
  return sloTtftMs > 0 || sloTpotMs > 0;
}

/**
 * Tells how each candidate stands, by its position. A target that the request does not have is met by all: no target is
 * no target of 0.
 */
export function createStanding(data: CandidateData, request: RequestFacts): (position: number) => Standing {
  const { sloTtftMs, sloTpotMs } = request;
  const ttft = data.get("data.predicted_ttft_ms");
  const tpot = data.get("data.predicted_tpot_ms");
  return (position) => {
    const ttftHeadroom = sloTtftMs > 0 ? sloTtftMs - ttft[position] : 0;
    const tpotHeadroom = sloTpotMs > 0 ? sloTpotMs - tpot[position] : 0;
    if (ttftHeadroom < 0 || tpotHeadroom < 0) return "missed";
    return ttftHeadroom >= 0 && tpotHeadroom >= 0 ? "met" : "unknown";
  };
}
