import type { Decider } from "../../cycle/types.ts";

/** Wants an encode endpoint for every request whose prompt has parts that are no text. */
export function createAlwaysDisaggMultimodalDecider(name: string): Decider {
  return { name, type: "always-disagg-multimodal-decider", decide: ({ facts }) => facts.multimodal === true };
}
