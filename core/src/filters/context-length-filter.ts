import { parseTokenRange, perEndpoint } from "../contract/index.ts";
import type { Filter } from "../cycle/types.ts";
import { keepSlots } from "./keep-slots.ts";

/** What a `context-length-filter` goes by. */
export interface ContextLengthOptions {
  /** Label that says for which lengths of prompts an endpoint is meant, in tokens, as `MIN-MAX`. */
  readonly label: string;
}

const anyLength = { min: 0, max: Number.POSITIVE_INFINITY };
const noLength = { min: Number.POSITIVE_INFINITY, max: 0 };

/**
 * Keeps the endpoints that are meant for prompts of this length: those without the label always, those whose label is no
 * range never. All stay where the length is unknown.
 */
export function createContextLengthFilter(name: string, { label }: ContextLengthOptions): Filter {
  const rangeOf = perEndpoint(({ labels }) => {
    const text = Object.hasOwn(labels, label) ? labels[label] : "";
    return text === "" ? anyLength : (parseTokenRange(text) ?? noLength);
  });
  return {
    name,
    type: "context-length-filter",
    filter({ candidates, endpoints, request: { promptTokens } }) {
      if (promptTokens === 0) return candidates;
      return keepSlots(candidates, (slot) => {
        const endpoint = endpoints.at(slot);
        if (endpoint === undefined) return false;
        const { min, max } = rangeOf(endpoint);
        return promptTokens >= min && promptTokens <= max;
      });
    },
  };
}
