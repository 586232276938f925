import { type AnyDefinition, toNeeds } from "@outrider/core/contract";
import type { Declaration } from "./messages.ts";

/** Calls a plugin takes before it has answered one where it does not say. */
const defaultConcurrency = 64;

/** What the host has to know of a definition with these `parameters:`. */
export function toDeclaration(definition: AnyDefinition, parameters: unknown, hasFeedback: boolean): Declaration {
  const { kind, state, maxConcurrency = defaultConcurrency } = definition;
  return {
    kind,
    state,
    needs: toNeeds(definition, parameters),
    produces: kind === "producer" ? [...definition.produces] : [],
    maxConcurrency: Math.max(1, maxConcurrency),
    hasFeedback,
  };
}
