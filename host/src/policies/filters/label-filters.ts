import {
  createByLabelFilter,
  createLabelSelectorFilter,
  findContradiction,
  findLabelKeyFault,
  findRequirementFault,
  type LabelRequirement,
  type LabelSelector,
  toLabelSelector,
} from "@outrider/core";
import { z } from "zod";
import { definePolicy, type Oddity, type PolicyType } from "../policy-type.ts";

/** One condition on a label. */
const requirement = z
  .strictObject({
    /** Name of the label. */
    key: z.string(),
    /** `In` and `Exists` need the label; `NotIn` and `DoesNotExist` also hold without it. */
    operator: z.enum(["In", "NotIn", "Exists", "DoesNotExist"]),
    /** For `In` and `NotIn`, at least one. */
    values: z.array(z.string()).default([]),
  })
  .superRefine((given, context) => {
    const fault = findRequirementFault(given);
    if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
  });

/** `parameters:` of a `label-selector-filter`: a Kubernetes LabelSelector. */
const selectorParameters = z
  .strictObject({
    /** Labels and their values, all of which must be there. */
    matchLabels: z.record(z.string(), z.string()).default({}),
    /** Conditions that must hold besides. */
    matchExpressions: z.array(requirement).default([]),
  })
  .superRefine(({ matchLabels }, context) => {
    for (const [key, value] of Object.entries(matchLabels)) {
      const fault = findRequirementFault({ key, operator: "In", values: [value] });
      if (fault !== undefined) context.addIssue({ code: "custom", path: ["matchLabels", key], message: fault });
    }
  });

/** `parameters:` of a `by-label` filter. */
const byLabelParameters = z
  .strictObject({
    /** Name of the label. */
    label: z.string().superRefine((key, context) => {
      const fault = findLabelKeyFault(key);
      if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
    }),
    /** Values that pass. */
    validValues: z.array(z.string()).default([]),
    /** Whether endpoints without the label pass. */
    allowsNoLabel: z.boolean().default(false),
  })
  .refine(({ validValues, allowsNoLabel }) => validValues.length > 0 || allowsNoLabel, {
    path: ["validValues"],
    error: "must have a value, or nothing ever passes",
  });

const selectorPolicy = {
  about: "Keeps the endpoints that a Kubernetes label selector selects.",
  parameters: selectorParameters,
  oddities: (parameters: z.output<typeof selectorParameters>) => findOddities(toLabelSelector(parameters)),
  explain: (parameters: z.output<typeof selectorParameters>) =>
    `keeps the endpoints with ${toText(toLabelSelector(parameters)) || "any labels"}`,
};

/** Filters by labels of the operator's choice. */
export const labelFilters: readonly PolicyType[] = [
  definePolicy({
    ...selectorPolicy,
    type: "label-selector-filter",
    filter: (name, parameters) => createLabelSelectorFilter(name, "label-selector-filter", toLabelSelector(parameters)),
  }),
  definePolicy({
    ...selectorPolicy,
    type: "by-label-selector",
    notice: "deprecated in the reference EPP: write label-selector-filter, with the same parameters",
    filter: (name, parameters) => createLabelSelectorFilter(name, "by-label-selector", toLabelSelector(parameters)),
  }),
  definePolicy({
    type: "by-label",
    about: "Keeps the endpoints that have one of some values in a label.",
    notice: "deprecated in the reference EPP: write label-selector-filter with matchExpressions",
    parameters: byLabelParameters,
    explain: ({ label, validValues, allowsNoLabel }) =>
      `keeps the endpoints with ${label} in (${validValues.join(", ")})${allowsNoLabel ? ", and those without it" : ""}`,
    filter: createByLabelFilter,
  }),
];

function findOddities(selector: LabelSelector): readonly Oddity[] {
  if (selector.length === 0) return [{ path: [], message: "selects every endpoint" }];
  const label = findContradiction(selector);
  return label === undefined ? [] : [{ path: [], message: `selects no endpoint: it contradicts itself in ${label}` }];
}

function toText(selector: LabelSelector): string {
  return selector.map(requirementText).join(" and ");
}

function requirementText({ key, operator, values }: LabelRequirement): string {
  if (operator === "Exists") return key;
  if (operator === "DoesNotExist") return `no ${key}`;
  return `${key} ${operator === "In" ? "in" : "not in"} (${values.join(", ")})`;
}
