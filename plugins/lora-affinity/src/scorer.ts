import { defineScorer, type EndpointInfo } from "@outrider/plugin-sdk";
import { loraAffinityConfig } from "./config.ts";

/**
 * Prefers endpoints where the request's adapter need not be loaded: 1 where it runs, 0.8 where a batch has room for
 * another, 0.6 where it waits, else 0. Abstains where nothing is known of an endpoint's adapters.
 */
export const loraAffinityScorer = defineScorer({
  type: "lora-affinity-scorer",
  category: "affinity",
  state: "none",
  needs: ["request.lora", "max_adapters", { key: "endpoint.sets", names: ["adapters_running", "adapters_waiting"] }],
  config: loraAffinityConfig,
  create: () => ({
    score({ candidates, columns: { maxAdapters }, endpoints, request: { lora, model } }, scores) {
      const adapter = lora === "" ? model : lora;
      if (adapter === "") return "no model is asked for";
      let known = 0;
      for (let i = 0; i < candidates.length; i++) {
        const slot = candidates[i];
        scores[i] = rate(endpoints.at(slot), maxAdapters[slot], adapter);
        if (!Number.isNaN(scores[i])) known += 1;
      }
      const unknown = candidates.length - known;
      return unknown === 0 ? undefined : `adapters unknown at ${unknown} of ${candidates.length}`;
    },
  }),
});

function rate(endpoint: EndpointInfo | undefined, most: number, adapter: string): number {
  const { adapters_running: running, adapters_waiting: waiting } = endpoint?.sets ?? {};
  if (running?.includes(adapter)) return 1;
  if (running === undefined || waiting === undefined || Number.isNaN(most)) return Number.NaN;
  const isWaiting = waiting.includes(adapter);
  if (countBoth(running, waiting) < most) return 0.8;
  return isWaiting ? 0.6 : 0;
}

/** Names that are in either; both are sorted and short. */
function countBoth(running: readonly string[], waiting: readonly string[]): number {
  let count = running.length;
  for (const name of waiting) if (!running.includes(name)) count += 1;
  return count;
}
