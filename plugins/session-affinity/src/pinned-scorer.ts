import { defineScorer, toSessionPinning } from "@outrider/plugin-sdk";
import { pinnedSessionConfig } from "./pinned-config.ts";

/**
 * Prefers the endpoint that the request's session was sent to before, as the host tells it by token or id: 1 for it, 0
 * for the others. Abstains where the session is pinned to none, or to none of the candidates.
 */
export const sessionAffinityScorer = defineScorer({
  type: "session-affinity-scorer",
  category: "affinity",
  state: "none",
  needs: ["request.pinned_slot"],
  config: pinnedSessionConfig,
  pinning: toSessionPinning,
  create: () => ({
    score({ candidates, request: { pinnedSlot } }, scores) {
      if (pinnedSlot < 0) return "the session is pinned to no endpoint";
      const position = candidates.indexOf(pinnedSlot);
      if (position < 0) return "the endpoint that the session is pinned to is no candidate";
      scores.fill(0);
      scores[position] = 1;
      return undefined;
    },
  }),
});
