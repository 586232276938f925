import type { EndpointInfo } from "../contract/index.ts";

/** One condition on a label, as Kubernetes writes it. */
export interface LabelRequirement {
  readonly key: string;
  /** `NotIn` and `DoesNotExist` also hold where there is no such label, `In` and `Exists` never. */
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
  /** At least one for `In` and `NotIn`, none for the others. */
  readonly values: readonly string[];
}

/** Conditions that all must hold; none = everything matches. */
export type LabelSelector = readonly LabelRequirement[];

/** Kubernetes' LabelSelector: all its pairs and expressions must hold. */
export interface SelectorParts {
  readonly matchLabels: Readonly<Record<string, string>>;
  readonly matchExpressions: readonly LabelRequirement[];
}

/** Longest name of a label and longest value, in characters. Source: Kubernetes' syntax of labels. */
const maxNameLength = 63;
const maxPrefixLength = 253;
const name = /^[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?$/;
const prefix = /^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*$/;

/** All conditions of a selector. */
export function toLabelSelector({ matchLabels, matchExpressions }: SelectorParts): LabelSelector {
  const pairs = Object.entries(matchLabels).map(([key, value]) => ({ key, operator: "In", values: [value] }) as const);
  return [...pairs, ...matchExpressions];
}

/** Value of an endpoint's label, whatever its name; empty where it has none, or there is no endpoint. */
export function labelOf(endpoint: Pick<EndpointInfo, "labels"> | undefined, key: string): string {
  return endpoint !== undefined && Object.hasOwn(endpoint.labels, key) ? (endpoint.labels[key] ?? "") : "";
}

/** Whether labels meet a selector. */
export function matchesLabels(labels: Readonly<Record<string, string>>, selector: LabelSelector): boolean {
  return selector.every((requirement) => meets(labels, requirement));
}

function meets(labels: Readonly<Record<string, string>>, { key, operator, values }: LabelRequirement): boolean {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case "In":
      return value !== undefined && values.includes(value);
    case "NotIn":
      return value === undefined || !values.includes(value);
    case "Exists":
      return value !== undefined;
    case "DoesNotExist":
      return value === undefined;
  }
}

/** What is wrong with a condition; `undefined` = nothing. */
export function findRequirementFault({ key, operator, values }: LabelRequirement): string | undefined {
  const takesValues = operator === "In" || operator === "NotIn";
  if (takesValues && values.length === 0) return `${operator} needs values`;
  if (!takesValues && values.length > 0) return `${operator} takes no values`;
  return findLabelKeyFault(key) ?? values.map(findLabelValueFault).find((fault) => fault !== undefined);
}

/** What is wrong with the name of a label, such as `llm-d.ai/role`; `undefined` = nothing. */
export function findLabelKeyFault(key: string): string | undefined {
  const parts = key.split("/");
  const [before, last] = parts.length === 2 ? parts : [undefined, key];
  const isPrefix = before === undefined || (before.length <= maxPrefixLength && prefix.test(before));
  if (isPrefix && last.length <= maxNameLength && name.test(last)) return undefined;
  return `no label has the name ${JSON.stringify(key)}`;
}

/** What is wrong with the value of a label; `undefined` = nothing. */
export function findLabelValueFault(value: string): string | undefined {
  if (value === "" || (value.length <= maxNameLength && name.test(value))) return undefined;
  return `no label has the value ${JSON.stringify(value)}`;
}
