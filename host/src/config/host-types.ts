import { z } from "zod";
import type { PickerSpec } from "./types.ts";

/** Endpoints that a picker lists: the pick, then fallbacks; what is below 1 counts as 1, as in the reference EPP. */
const maxNumOfEndpoints = z
  .int()
  .max(1_000)
  .default(1)
  .transform((count) => Math.max(1, count));

/** `parameters:` of each picker. */
const pickers = {
  "max-score-picker": z.strictObject({
    maxNumOfEndpoints,
    /** How equal totals are ordered: `random`, or `first` slot first. */
    tieBreak: z.enum(["random", "first"]).default("random"),
  }),
  "random-picker": z.strictObject({ maxNumOfEndpoints }),
  "weighted-random-picker": z.strictObject({ maxNumOfEndpoints }),
} as const;

type PickerType = keyof typeof pickers;

/** `parameters:` of the profile handler: none. */
const handler = z.strictObject({});

/** Name and type of the profile handler that runs one profile. */
export const singleProfileHandler = "single-profile-handler";

/** Types that are part of the host and need no plugin. */
export const hostTypes: readonly string[] = [...Object.keys(pickers), singleProfileHandler];

/** Schema of `parameters:` of a type of the host; `undefined` for other types. */
export function hostTypeParameters(type: string): z.ZodType | undefined {
  if (type === singleProfileHandler) return handler;
  return isPicker(type) ? pickers[type] : undefined;
}

/** Whether a type is a picker. */
export function isPicker(type: string): type is PickerType {
  return Object.hasOwn(pickers, type);
}

/** A picker from its checked parameters. @param parameters accepted by its schema. */
export function toPicker(name: string, type: PickerType, parameters: unknown): PickerSpec {
  if (type === "max-score-picker") {
    const { maxNumOfEndpoints, tieBreak } = pickers[type].parse(parameters);
    return { name, type, tieBreak, maxEndpoints: maxNumOfEndpoints };
  }
  return { name, type, maxEndpoints: pickers[type].parse(parameters).maxNumOfEndpoints };
}

/** The picker of a profile that names none. */
export const defaultPicker: PickerSpec = toPicker("max-score-picker", "max-score-picker", {});
