import { defineScorer, serve } from "@outrider/plugin-sdk";
import { z } from "zod";

/** Calls after which it does what its name says. */
const after = 100;

function moody(type: string, mood: () => void | Promise<void>) {
  return defineScorer({
    type,
    category: "balance",
    state: "none",
    needs: ["inflight_requests"],
    config: z.unknown(),
    create: () => {
      let calls = 0;
      return {
        score({ candidates, columns }, scores) {
          calls += 1;
          candidates.forEach((slot, i) => {
            scores[i] = 1 / (1 + columns.inflightRequests[slot]);
          });
          return calls > after ? mood() : undefined;
        },
      };
    },
  });
}

await serve([moody("dies", () => process.exit(3)), moody("falls-silent", () => new Promise<void>(() => {}))]);
