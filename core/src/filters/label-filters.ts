import type { Filter } from "../cycle/types.ts";
import { createEndpointFilter } from "./endpoint-filter.ts";
import { type LabelSelector, matchesLabels } from "./label-selector.ts";
import { doesStage, type Stage } from "./roles.ts";

/** What a `by-label` filter goes by. */
export interface ByLabelOptions {
  /** Name of the label. */
  readonly label: string;
  /** Values that pass. */
  readonly validValues: readonly string[];
  /** Whether an endpoint without the label passes. */
  readonly allowsNoLabel: boolean;
}

/** Keeps the endpoints that do a part of requests, told by their role label: {@link doesStage}. */
export function createRoleFilter(name: string, stage: Stage): Filter {
  return createEndpointFilter(name, `${stage}-filter`, (endpoint) => doesStage(endpoint, stage));
}

/** Keeps the endpoints whose labels meet a selector. */
export function createLabelSelectorFilter(name: string, type: string, selector: LabelSelector): Filter {
  return createEndpointFilter(name, type, ({ labels }) => matchesLabels(labels, selector));
}

/** Keeps the endpoints that have one of some values in a label. */
export function createByLabelFilter(name: string, { label, validValues, allowsNoLabel }: ByLabelOptions): Filter {
  return createEndpointFilter(name, "by-label", ({ labels }) => {
    const value = Object.hasOwn(labels, label) ? labels[label] : undefined;
    return value === undefined ? allowsNoLabel : validValues.includes(value);
  });
}
