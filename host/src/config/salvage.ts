import type { z } from "zod";

type Container = Record<PropertyKey, unknown>;

/** Rounds of leaving out: each leaves out what the one before made incomplete. */
const rounds = 5;

/**
 * What of a value fits its schema, so that the rest of it can be checked although a part is faulty and reported;
 * `undefined` where nothing fits. Lists keep their length, so that indexes stay: a list with an entry that cannot be
 * mended is left out whole.
 */
export function salvage<T>(schema: z.ZodType<T>, value: unknown): T | undefined {
  let rest = value;
  for (let round = 0; round < rounds; round++) {
    const { data, error } = schema.safeParse(rest);
    if (error === undefined) return data;
    if (round === 0) rest = copy(value);
    for (const issue of error.issues) {
      if (issue.code === "unrecognized_keys") for (const key of issue.keys) leaveOut(rest, [...issue.path, key]);
      else if (!leaveOut(rest, issue.path)) return undefined;
    }
  }
  return undefined;
}

/** Removes the field at a path, or the innermost one around it that is there; tells whether there was one. */
function leaveOut(root: unknown, path: readonly PropertyKey[]): boolean {
  for (let length = path.length; length > 0; length--) {
    const key = path[length - 1]!;
    const parent = path
      .slice(0, length - 1)
      .reduce<unknown>((value, step) => (value as Container | undefined)?.[step], root);
    if (typeof parent !== "object" || parent === null || Array.isArray(parent) || !Object.hasOwn(parent, key)) continue;
    delete (parent as Container)[key];
    return true;
  }
  return false;
}

function copy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copy);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, copy(field)]));
}
