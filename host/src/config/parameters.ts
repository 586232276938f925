import type { ConfigSchema } from "@outrider/core/contract";
import type { z } from "zod";
import type { FaultPath } from "./faults.ts";
import type { Reporter } from "./reporter.ts";
import { fieldsOf, type ShapeIssue, toShapeFaults } from "./shape.ts";

/** Checks `parameters:` of a plugin with the schema of its type, each fault at its place; tells whether they are fine. */
export function checkParameters(
  schema: ConfigSchema<unknown>,
  parameters: unknown,
  path: FaultPath,
  report: Reporter,
): boolean {
  const result = schema.safeParse(parameters);
  if (result.success) return true;
  const at = [...path, "parameters"];
  const known = (inner: FaultPath) => (isZod(schema) ? fieldsOf(schema, inner) : []);
  for (const issue of result.error.issues as readonly ShapeIssue[]) {
    for (const { path: inner, part, message, hint } of toShapeFaults(issue, parameters, known)) {
      report.fault([...at, ...inner], message, hint, part);
    }
  }
  return false;
}

function isZod(schema: object): schema is z.ZodType {
  return "def" in schema;
}
