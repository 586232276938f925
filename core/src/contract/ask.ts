import type { NeedKey } from "./keys.ts";
import type { AnyDefinition, Need } from "./scorer.ts";

/**
 * All that a plugin of these `parameters:` asks for: what its declaration says and what follows from them.
 * @param parameters as written; where they are at fault, nothing follows from them.
 */
export function toNeeds(definition: AnyDefinition, parameters: unknown): readonly Need[] {
  return [...definition.needs.map(toNeed), ...toNeedsBesides(definition, parameters)];
}

/** What follows from the parameters alone. */
export function toNeedsBesides({ config, needsOf }: AnyDefinition, parameters: unknown): readonly Need[] {
  if (needsOf === undefined) return [];
  const checked = config.safeParse(parameters ?? {});
  // Its type is forgotten, but it is what this very definition's schema has made.
  return checked.success ? needsOf(checked.data as never).map(toNeed) : [];
}

function toNeed(need: NeedKey | Need): Need {
  return typeof need === "string" ? { key: need } : need;
}
