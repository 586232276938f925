import type { z } from "zod";
import { type FaultPath, quote } from "./faults.ts";
import { didYouMean } from "./nearest.ts";
import { describeValue } from "./node-value.ts";

/** What a schema complains of, with the fields that zod's issues have beyond those of any schema. */
export interface ShapeIssue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
  readonly code?: string;
  readonly expected?: string;
  readonly keys?: readonly string[];
  readonly values?: readonly unknown[];
  readonly minimum?: number | bigint;
  readonly maximum?: number | bigint;
  readonly inclusive?: boolean;
  readonly origin?: string;
}

/** One fault of a value's shape, in our words. */
export interface ShapeFault {
  readonly path: FaultPath;
  /** Whether the field's name is at fault, not its value. */
  readonly part: "key" | "value";
  readonly message: string;
  readonly hint: string;
}

const kinds: Readonly<Record<string, string>> = {
  array: "a list",
  object: "a map",
  record: "a map",
  string: "text",
  boolean: "true or false",
  number: "a finite number",
  int: "a whole number",
};

/**
 * Words an issue of a schema; one fault a field.
 * @param root value that was checked.
 * @param fields names of the fields of the map at a path, for hints.
 */
export function toShapeFaults(issue: ShapeIssue, root: unknown, fields: (path: FaultPath) => readonly string[]) {
  const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
  if (issue.code === "unrecognized_keys" && issue.keys !== undefined) {
    return issue.keys.map((key) => unknownField([...path, key], fields(path)));
  }
  const value = valueAt(root, path);
  if (value === undefined && path.length > 0 && isMissing(issue)) return [missingField(path, issue)];
  return [{ path, part: "value", ...wordIssue(issue, value) } as const];
}

function unknownField(path: FaultPath, known: readonly string[]): ShapeFault {
  const key = String(path.at(-1));
  const hint = didYouMean(key, known) || (known.length === 0 ? "" : `it may have ${known.join(", ")}`);
  return { path, part: "key", message: "there is no such field", hint };
}

function isMissing({ code }: ShapeIssue): boolean {
  return code === "invalid_type" || code === "invalid_value";
}

function missingField(path: FaultPath, { values }: ShapeIssue): ShapeFault {
  const hint = values === undefined ? "" : `write ${path.at(-1)}: ${String(values[0])}`;
  return { path, part: "value", message: "is missing", hint };
}

function wordIssue(issue: ShapeIssue, value: unknown): { message: string; hint: string } {
  const got = issue.path.includes("env") ? "" : `, is ${describeValue(value)}`;
  const plain = isPlain(value) ? got : "";
  if (issue.code === "invalid_type") {
    const message = `must be ${kinds[issue.expected ?? ""] ?? issue.expected}${got}`;
    return { message, hint: remedy(issue, value) };
  }
  if (issue.code === "invalid_value") return wordChoice(issue.values?.map(String) ?? [], value);
  const bounded = issue.code === "too_small" || issue.code === "too_big";
  return { message: bounded ? wordBound(issue, plain) : `${issue.message}${plain}`, hint: "" };
}

function wordChoice(choices: readonly string[], value: unknown): { message: string; hint: string } {
  const hint = typeof value === "string" ? didYouMean(value, choices) : "";
  return { message: `must be ${choices.join(" or ")}, is ${describeValue(value)}`, hint };
}

function wordBound({ code, minimum, maximum, inclusive, origin, message }: ShapeIssue, got: string): string {
  const bound = code === "too_small" ? minimum : maximum;
  if ((origin !== "number" && origin !== "int") || bound === undefined) return `${message}${got}`;
  const words = code === "too_small" ? (inclusive ? "at least" : "above") : inclusive ? "at most" : "below";
  return `must be ${words} ${bound}${got}`;
}

function isPlain(value: unknown): boolean {
  return value !== undefined && typeof value !== "object";
}

/** What to write for a value of the wrong kind. */
function remedy({ expected, path }: ShapeIssue, value: unknown): string {
  if (expected === "string" && (typeof value === "number" || typeof value === "boolean")) {
    if (path.at(-1) === "budget") return `write ${String(value)}ms`;
    return path.includes("env") ? "write it in quotes" : `write ${quote(String(value))}`;
  }
  if (expected === "array" && typeof value === "string") return `write [${value.slice(0, 60)}]`;
  if (expected === "number" && typeof value === "string" && Number.isFinite(Number(value || "x")))
    return `write ${value}`;
  if (expected === "boolean" && typeof value === "string" && /^(yes|on|y)$/i.test(value)) return "write true";
  if (expected === "boolean" && typeof value === "string" && /^(no|off|n)$/i.test(value)) return "write false";
  return "";
}

function valueAt(root: unknown, path: FaultPath): unknown {
  let value = root;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return undefined;
    value = (value as Record<string | number, unknown>)[step];
  }
  return value;
}

/** Names of the fields that a schema has at a path; empty where it takes any. */
export function fieldsOf(schema: z.ZodType, path: FaultPath): readonly string[] {
  let current = unwrap(schema);
  for (const step of path) {
    const { shape, element } = current as { shape?: Record<string, z.ZodType>; element?: z.ZodType };
    const next = typeof step === "number" ? element : shape?.[step];
    if (next === undefined) return [];
    current = unwrap(next);
  }
  return Object.keys((current as { shape?: object }).shape ?? {});
}

/** The schema inside of defaults, optionals and preprocessing. */
function unwrap(schema: z.ZodType): z.ZodType {
  const { innerType, out } = schema.def as { innerType?: z.ZodType; out?: z.ZodType };
  const inner = innerType ?? out;
  return inner === undefined ? schema : unwrap(inner);
}
