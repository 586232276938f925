import type { Decider } from "../../cycle/types.ts";

/** Wants a prefill endpoint for every request. */
export function createAlwaysDisaggPdDecider(name: string): Decider {
  return { name, type: "always-disagg-pd-decider", decide: () => true };
}
