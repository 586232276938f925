import { isMap, parseDurationMs, quote } from "@outrider/host";
import { z } from "zod";

/** A value that may have one of several forms, and how its form is told. */
interface Choice {
  readonly pick: (value: unknown) => z.ZodType;
}

const choices = new WeakMap<z.ZodType, Choice>();

/**
 * Schema of a value whose form shows from the value itself, so that its faults are those of the form that was meant.
 * @param pick schema of a value's form; of the nearest one for a value that has none.
 */
export function chooseSchema<T>(pick: (value: unknown) => z.ZodType<T>) {
  const schema = z.unknown().transform((value, context): T => {
    const result = pick(value).safeParse(value);
    if (result.success) return result.data;
    for (const issue of result.error.issues) context.issues.push({ ...issue, input: value } as z.core.$ZodRawIssue);
    return z.NEVER;
  });
  choices.set(schema, { pick });
  return schema;
}

/** The schema that a value is checked by: its own, or the form that {@link chooseSchema} picks. */
export function formOf(schema: z.ZodType, value: unknown): z.ZodType {
  const choice = choices.get(schema);
  return choice === undefined ? schema : formOf(choice.pick(value), value);
}

/** Schema of a map whose `kind` says which of several forms it has. */
export function chooseKind<T>(kinds: Readonly<Record<string, z.ZodType<T>>>) {
  const names = Object.keys(kinds) as [string, ...string[]];
  const unknown = z.looseObject({ kind: z.enum(names) }) as unknown as z.ZodType<T>;
  return chooseSchema<T>((value) => {
    const kind = isMap(value) ? value.kind : undefined;
    return (typeof kind === "string" && Object.hasOwn(kinds, kind) && kinds[kind]) || unknown;
  });
}

/** Longest time that a scenario may name, in ms: a week. */
const longestMs = 7 * 24 * 3_600_000;

/**
 * A time as Go writes it, up to a week; becomes ms.
 * @param least whether it may be 0.
 */
export function time(least: "from 0" | "above 0") {
  const error = `must be a time ${least}, up to a week, with its unit, such as 50ms or 5m`;
  return z.unknown().transform((value, context): number => {
    const ms = parseDurationMs(String(value));
    if (ms !== undefined && ms <= longestMs && (ms > 0 || (ms === 0 && least === "from 0"))) return ms;
    if (value === undefined) context.addIssue({ code: "invalid_type", expected: "string", input: value });
    else context.addIssue({ code: "custom", message: error, input: value });
    return z.NEVER;
  });
}

/** Most tokens of one prompt or answer. */
export const mostTokens = 10_000_000;

/** A count of tokens. */
const tokens = z.int().min(0).max(mostTokens);

/** A length that is drawn for each request. */
export const drawnLength = z
  .strictObject({
    /** Shortest, in tokens; default 1. */
    min: tokens.optional(),
    /** Longest, in tokens; with `min` alone every length between them is as likely. */
    max: tokens.optional(),
    /** Mean of a bell curve, in tokens, before `min` and `max` cut it. */
    mean: z.number().min(1).max(mostTokens).optional(),
    /** Its standard deviation, in tokens; default a quarter of the mean. */
    deviation: z.number().min(0).max(mostTokens).optional(),
    /** `normal`, or `lognormal` with its long tail. */
    shape: z.enum(["normal", "lognormal"]).default("normal"),
  })
  .refine(({ mean, max }) => mean !== undefined || max !== undefined, {
    error: "needs mean, or max for an even spread",
  })
  .refine(({ min, max }) => min === undefined || max === undefined || min <= max, {
    path: ["max"],
    error: "must be at least min",
  })
  .refine(({ mean, deviation }) => mean !== undefined || deviation === undefined, {
    path: ["deviation"],
    error: "is that of a mean, which is not given",
  });

/** A length in tokens: a number, or how it is drawn. */
export type Length = number | z.output<typeof drawnLength>;

/** A length of at least so many tokens: a number, or how it is drawn. */
export function length(least: 0 | 1) {
  const fixed = z.int().min(least).max(mostTokens);
  return chooseSchema<Length>((value) => (isMap(value) ? drawnLength : fixed));
}

/** A share in [0, 1]. */
export const share = z.number().min(0).max(1);

/** Names something in the scenario and its results. */
export const name = z
  .string()
  .regex(/^[\w.-]+$/, "must be letters, digits, . _ and -")
  .max(64, "must be at most 64 characters long");

const headerName = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

/** Headers that are sent along, by names in lower case. */
export const headers = z
  .record(z.string(), z.string().regex(/^[\t\x20-\x7e]*$/, "must be printable ASCII"))
  .superRefine((values, context) => {
    for (const key of Object.keys(values)) {
      if (headerName.test(key)) continue;
      context.addIssue({ code: "custom", message: `has ${quote(key)}, which is no header's name in lower case` });
    }
  });
