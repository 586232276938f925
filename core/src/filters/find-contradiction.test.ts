import { describe, expect, it } from "vitest";
import { findContradiction } from "./find-contradiction.ts";
import type { LabelRequirement } from "./label-selector.ts";

const of = (operator: LabelRequirement["operator"], key: string, ...values: string[]) => ({ key, operator, values });

describe("findContradiction", () => {
  const cases: readonly { title: string; selector: readonly LabelRequirement[]; want: string | undefined }[] = [
    { title: "nothing in no requirements", selector: [], want: undefined },
    { title: "nothing in different labels", selector: [of("In", "a", "1"), of("In", "b", "2")], want: undefined },
    { title: "a label with two values at once", selector: [of("In", "a", "1"), of("In", "a", "2")], want: "a" },
    {
      title: "nothing where one value is left",
      selector: [of("In", "a", "1", "2"), of("In", "a", "2", "3"), of("NotIn", "a", "1")],
      want: undefined,
    },
    {
      title: "a label whose last value is excluded",
      selector: [of("Exists", "b"), of("In", "a", "1", "2"), of("In", "a", "2", "3"), of("NotIn", "a", "2")],
      want: "a",
    },
    {
      title: "a label that must be there and must not",
      selector: [of("Exists", "a"), of("DoesNotExist", "a")],
      want: "a",
    },
    {
      title: "a value of a label that must not be there",
      selector: [of("DoesNotExist", "a"), of("In", "a", "1")],
      want: "a",
    },
    {
      title: "nothing in exclusions, which hold without the label",
      selector: [of("NotIn", "a", "1"), of("DoesNotExist", "a")],
      want: undefined,
    },
  ];
  for (const { title, selector, want } of cases)
    it(`finds ${title}`, () => expect(findContradiction(selector)).toBe(want));
});
