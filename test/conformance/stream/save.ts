import { NotApplicable } from "../verdict.ts";
import { headerOf, joinBodies, type Reply } from "./reply.ts";

/** Values a stream's `save` asks for, taken from its replies; empty where a reply does not carry them. */
export function saveValues(
  wanted: Readonly<Record<string, string>>,
  replies: readonly Reply[],
): Readonly<Record<string, string>> {
  const joined = joinBodies(replies);
  const entries = Object.entries(wanted).map(([name, expression]) => {
    const match = /^reply(\d+)\.set_headers\['([^']+)'\]$/.exec(expression);
    if (match === null) throw new NotApplicable("in words", `save: ${expression}`);
    return [name, headerOf(joined[Number(match[1])], match[2] ?? "") ?? ""] as const;
  });
  return Object.fromEntries(entries);
}

/** A value that is another one in each run, such as `request-N`. */
const numbered = /^(\S*-)N$/;

/**
 * Entries of `send[]` with every `$name` in a string replaced by what was saved under it, and the `N` at the end of a
 * value by the number of the run.
 * @param values by name; `run` is that number.
 */
export function fillIn(entries: readonly unknown[], values: Readonly<Record<string, string>>): readonly unknown[] {
  const fill = (value: unknown): unknown => {
    if (typeof value === "string") {
      const text = value.replace(/^\$(\w+)$/, (whole, name: string) => values[name] ?? whole);
      return values.run === undefined ? text : text.replace(numbered, `$1${values.run}`);
    }
    if (Array.isArray(value)) return value.map(fill);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, fill(entry)]));
  };
  return entries.map(fill);
}
