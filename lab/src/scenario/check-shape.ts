import { type FaultPath, isMap, type Reporter, type ShapeIssue, toShapeFaults } from "@outrider/host";
import type { z } from "zod";
import { formOf } from "../workload/schema-values.ts";

/** What a map of schemas says of a value's fields: those that are as they should be. */
export type Fields<S extends z.ZodRawShape> = { readonly [K in keyof S]?: z.output<S[K]> };

/** Checks a value's shape and reports every fault. @returns its fields that have none. */
export function checkShape<S extends z.ZodRawShape>(
  schema: z.ZodObject<S>,
  value: unknown,
  report: Reporter,
): Fields<S> {
  const { error } = schema.safeParse(value);
  for (const issue of (error?.issues ?? []) as readonly ShapeIssue[]) {
    const faults = toShapeFaults(issue, value, (path) => fieldsAt(schema, value, path));
    for (const { path, part, message, hint } of faults) report.fault(path, message, hint, part);
  }
  const root = isMap(value) ? value : {};
  const sound = Object.entries(schema.shape).flatMap(([key, field]) => {
    const result = (field as z.ZodType).safeParse(root[key]);
    return result.success ? [[key, result.data]] : [];
  });
  return Object.fromEntries(sound) as Fields<S>;
}

/** Names of the fields of the map at a path, in the form that the value there has. */
function fieldsAt(schema: z.ZodType, root: unknown, path: FaultPath): readonly string[] {
  let value = root;
  let current = inside(schema, value);
  for (const step of path) {
    value = isMap(value) || Array.isArray(value) ? (value as Record<string | number, unknown>)[step] : undefined;
    const { shape, element, valueType } = current as {
      shape?: Record<string, z.ZodType>;
      element?: z.ZodType;
      valueType?: z.ZodType;
    };
    const next = typeof step === "number" ? element : (shape?.[step] ?? valueType);
    if (next === undefined) return [];
    current = inside(next, value);
  }
  return Object.keys((current as { shape?: object }).shape ?? {});
}

/** The schema of the form that a value has, inside of defaults, optionals and transforms. */
function inside(schema: z.ZodType, value: unknown): z.ZodType {
  const form = formOf(schema, value);
  const { innerType, in: before } = form.def as { innerType?: z.ZodType; in?: z.ZodType };
  const inner = innerType ?? before;
  return inner === undefined ? form : inside(inner, value);
}
