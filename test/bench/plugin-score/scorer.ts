import { defineScorer, serve } from "@outrider/plugin-sdk";
import { z } from "zod";

/** Rates by one column, so that what is measured is the way there and back. */
const bench = defineScorer({
  type: "bench",
  category: "distribution",
  state: "none",
  needs: ["waiting_requests"],
  maxConcurrency: 256,
  config: z.strictObject({}),
  create: () => ({
    score({ candidates, columns: { waitingRequests } }, scores) {
      candidates.forEach((slot, i) => {
        scores[i] = 1 / (1 + waitingRequests[slot]!);
      });
    },
  }),
});

await serve([bench]);
