import type { LabelRequirement, LabelSelector } from "./label-selector.ts";

/** A label of which a selector asks what no endpoint can have at once; `undefined` = there is none. */
export function findContradiction(selector: LabelSelector): string | undefined {
  const keys = new Set(selector.map(({ key }) => key));
  return [...keys].find((key) => isContradictory(selector.filter((requirement) => requirement.key === key)));
}

/** @param requirements all of one label. */
function isContradictory(requirements: readonly LabelRequirement[]): boolean {
  const of = (operator: LabelRequirement["operator"]) => requirements.filter((each) => each.operator === operator);
  const lists = of("In").map(({ values }) => values);
  if (lists.length + of("Exists").length === 0) return false;
  if (of("DoesNotExist").length > 0) return true;
  const excluded = new Set(of("NotIn").flatMap(({ values }) => values));
  const [first, ...others] = lists;
  return first?.every((value) => excluded.has(value) || others.some((list) => !list.includes(value))) ?? false;
}
