import type { AnyDefinition, Need, NeedKey } from "@outrider/core/contract";
import type { Declaration } from "./messages.ts";

/** Calls a plugin takes before it has answered one where it does not say. */
const defaultConcurrency = 64;

/** What the host has to know of a definition. */
export function toDeclaration(definition: AnyDefinition, hasFeedback: boolean): Declaration {
  const { kind, state, needs, maxConcurrency = defaultConcurrency } = definition;
  return {
    kind,
    state,
    needs: needs.map(toPlainNeed),
    produces: kind === "producer" ? [...definition.produces] : [],
    maxConcurrency: Math.max(1, maxConcurrency),
    hasFeedback,
  };
}

function toPlainNeed(need: NeedKey | Need): Need {
  return typeof need === "string" ? { key: need } : need;
}
