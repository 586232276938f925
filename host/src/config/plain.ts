/** Whether a plain value is a map. */
export function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** `name:` of an entry as it is written; `undefined` where it has none. */
export function nameOf(entry: unknown): string | undefined {
  return isMap(entry) && typeof entry.name === "string" ? entry.name : undefined;
}

/** The items of a plain value that should be a list; none where it is something else. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** What is taken as it is written, empty fields too. */
const opaque: ReadonlySet<string> = new Set(["parameters", "env"]);

/** The value without fields that have no value (`plugins:` and nothing behind it): they count as not written. */
export function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (!isMap(value)) return value;
  const kept = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(kept.map(([key, field]) => [key, opaque.has(key) ? field : withoutEmpty(field)]));
}
