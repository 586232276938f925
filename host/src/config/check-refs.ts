import { type Entries, findPolicy, policiesOf } from "./entries.ts";
import type { Reporter } from "./reporter.ts";

/** Checks what parameters of policies refer to; names of those that are. */
export function checkRefs(entries: Entries, report: Reporter): ReadonlySet<string> {
  const named = new Set<string>();
  for (const { index, type, spec } of policiesOf(entries)) {
    for (const { path, name, role } of type.refs?.(spec.parameters as never) ?? []) {
      const found = findPolicy(name, role, ["plugins", index, "parameters", ...path], entries, report);
      if (found !== undefined) named.add(found.name);
    }
  }
  return named;
}
