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
  create: () => {
    const adaptersOf = readAdapters();
    return {
      score({ candidates, columns: { maxAdapters }, endpoints, request: { lora, model } }, scores) {
        const adapter = lora === "" ? model : lora;
        if (adapter === "") return "no model is asked for";
        let known = 0;
        for (let i = 0; i < candidates.length; i++) {
          const slot = candidates[i];
          scores[i] = rate(adaptersOf(endpoints.at(slot)), maxAdapters[slot], adapter);
          if (!Number.isNaN(scores[i])) known += 1;
        }
        const unknown = candidates.length - known;
        return unknown === 0 ? undefined : `adapters unknown at ${unknown} of ${candidates.length}`;
      },
    };
  },
});

/** Adapters of an endpoint, and whether each runs, else it waits. */
type Adapters = ReadonlyMap<string, "runs" | "waits">;

function rate(adapters: Adapters | undefined, most: number, adapter: string): number {
  const state = adapters?.get(adapter);
  if (state === "runs") return 1;
  if (adapters === undefined || Number.isNaN(most)) return Number.NaN;
  if (adapters.size < most) return 0.8;
  return state === "waits" ? 0.6 : 0;
}

/** Reads the adapters of an endpoint once, and again when anything of it has changed; `undefined` = unknown. */
function readAdapters(): (endpoint: EndpointInfo | undefined) => Adapters | undefined {
  const known: (EndpointInfo | undefined)[] = [];
  const adapters: (Adapters | undefined)[] = [];
  return (endpoint) => {
    if (endpoint === undefined) return undefined;
    const { slot } = endpoint;
    if (known[slot] !== endpoint) {
      adapters[slot] = toAdapters(endpoint.sets);
      known[slot] = endpoint;
    }
    return adapters[slot];
  };
}

function toAdapters({ adapters_running: running, adapters_waiting: waiting }: EndpointInfo["sets"]) {
  if (running === undefined || waiting === undefined) return undefined;
  const adapters = new Map<string, "runs" | "waits">();
  for (const name of waiting) adapters.set(name, "waits");
  for (const name of running) adapters.set(name, "runs");
  return adapters;
}
