import type { ConfigSchema } from "@outrider/core/contract";
import type { z } from "zod";
import type { FaultPath } from "./faults.ts";
import type { Reporter } from "./reporter.ts";
import { fieldsOf, type ShapeIssue, toShapeFaults } from "./shape.ts";

/** Parameters as their schema completed them, or nothing where faults are reported. */
export type CheckedParameters = { readonly valid: true; readonly value: unknown } | { readonly valid: false };

/** Checks `parameters:` of a plugin with the schema of its type, each fault at its place. */
export function checkParameters(
  schema: ConfigSchema<unknown>,
  parameters: unknown,
  path: FaultPath,
  report: Reporter,
): CheckedParameters {
  const result = schema.safeParse(parameters);
  if (result.success) return { valid: true, value: result.data };
  const known = (inner: FaultPath) => (isZod(schema) ? fieldsOf(schema, inner) : []);
  reportIssues(result.error.issues, parameters, known, path, report);
  return { valid: false };
}

/**
 * Reports what a schema says of `parameters:`, each fault at its place.
 * @param known names of the fields of the map at a path, for hints.
 */
export function reportIssues(
  issues: readonly ShapeIssue[],
  parameters: unknown,
  known: (inner: FaultPath) => readonly string[],
  path: FaultPath,
  report: Reporter,
): void {
  const at = [...path, "parameters"];
  for (const issue of issues) {
    for (const { path: inner, part, message, hint } of toShapeFaults(issue, parameters, known)) {
      report.fault([...at, ...inner], message, hint, part);
    }
  }
}

function isZod(schema: object): schema is z.ZodType {
  return "def" in schema;
}
