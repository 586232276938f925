import { defineScorer } from "@outrider/plugin-sdk";
import { sloConfig } from "./config.ts";
import { chanceWithin } from "./probability.ts";

/**
 * Prefers endpoints that will meet the request's TTFT and TPOT targets: `score = P(TTFT ≤ target) · P(TPOT ≤ target)` by
 * what is predicted, of the targets that the request has. Abstains without a target, and where nothing is predicted.
 */
export const slo = defineScorer({
  type: "slo",
  category: "distribution",
  state: "none",
  needs: [
    "request.slo",
    "data.predicted_ttft_ms",
    "data.predicted_ttft_ms_p90",
    "data.predicted_tpot_ms",
    "data.predicted_tpot_ms_p90",
  ],
  config: sloConfig,
  create: () => ({
    score({ candidates: { length }, data, request: { sloTtftMs, sloTpotMs } }, scores) {
      if (!(sloTtftMs > 0) && !(sloTpotMs > 0)) return "no TTFT or TPOT target";
      const ttft = data.get("data.predicted_ttft_ms");
      const ttftP90 = data.get("data.predicted_ttft_ms_p90");
      const tpot = data.get("data.predicted_tpot_ms");
      const tpotP90 = data.get("data.predicted_tpot_ms_p90");
      let known = 0;
      for (let i = 0; i < length; i++) {
        const inTtft = sloTtftMs > 0 ? chanceWithin(sloTtftMs, ttft[i], ttftP90[i]) : 1;
        const inTpot = sloTpotMs > 0 ? chanceWithin(sloTpotMs, tpot[i], tpotP90[i]) : 1;
        scores[i] = inTtft * inTpot;
        if (!Number.isNaN(scores[i])) known += 1;
      }
      return known === length ? undefined : `nothing predicted at ${length - known} of ${length}`;
    },
  }),
});
