import { describe, expect, it } from "vitest";
import type { PolicySpec } from "../config/types.ts";
import { findPolicyType, policyTypes } from "./catalogue.ts";
import { createPolicies } from "./create-policies.ts";
import { rolesOf } from "./policy-type.ts";

const best: PolicySpec = {
  name: "best",
  type: "max-score-picker",
  parameters: { maxNumOfEndpoints: 1, tieBreak: "first" },
};
const any: PolicySpec = { name: "any", type: "random-picker", parameters: { maxNumOfEndpoints: 1 } };
const single: PolicySpec = { name: "single", type: "single-profile-handler", parameters: {} };

describe("createPolicies", () => {
  it("makes a policy once, under its name", () => {
    const policies = createPolicies([best, any]);
    const picker = policies.get("picker", "best");
    expect(picker).toMatchObject({ name: "best", type: "max-score-picker" });
    expect(policies.get("picker", "best")).toBe(picker);
    expect(policies.get("picker", "any")).not.toBe(picker);
  });

  const changes: readonly { title: string; to: PolicySpec; keeps: boolean }[] = [
    { title: "nothing", to: { ...best, parameters: { ...(best.parameters as object) } }, keeps: true },
    { title: "a parameter", to: { ...best, parameters: { maxNumOfEndpoints: 1, tieBreak: "random" } }, keeps: false },
    { title: "the type", to: { ...any, name: "best" }, keeps: false },
  ];
  for (const { title, to, keeps } of changes) {
    it(`${keeps ? "keeps" : "makes anew"} a policy of which ${title} changes`, () => {
      const before = createPolicies([best]);
      const first = before.get("picker", "best");
      const policies = createPolicies([any, to], before);
      expect(policies.get("picker", "best") === first).toBe(keeps);
    });
  }

  it("keeps a policy that a configuration in between did not ask for", () => {
    const first = createPolicies([best]);
    const picker = first.get("picker", "best");
    const last = createPolicies([best], createPolicies([best, any], first));
    expect(last.get("picker", "best")).toBe(picker);
  });

  it("makes a profile handler for the profiles it is given", () => {
    const policies = createPolicies([single, best]);
    const handlerOf = (name: string) => {
      const profile = { name, filters: [], scorers: [], picker: policies.get("picker", "best") };
      return policies.handler("single", {
        profiles: [profile],
        decider: (decider) => policies.get("decider", decider),
      });
    };
    expect([handlerOf("a").primaryOf([]), handlerOf("b").primaryOf([])]).toEqual(["a", "b"]);
  });

  const wrong = [
    {
      title: "a name that is not there",
      get: () => createPolicies([best]).get("picker", "worst"),
      want: "no policy worst",
    },
    { title: "another role", get: () => createPolicies([best]).get("filter", "best"), want: "best is no filter" },
    {
      title: "a type that is not there",
      get: () => createPolicies([{ ...best, type: "x" }]).find("best"),
      want: "no policy best",
    },
    {
      title: "a handler that is none",
      get: () => createPolicies([best]).handler("best", { profiles: [], decider: () => expect.fail() }),
      want: "best is no profile handler",
    },
  ];
  for (const { title, get, want } of wrong) it(`throws at ${title}`, () => expect(get).toThrow(want));
});

describe("the catalogue of policies", () => {
  it("names each type once", () => {
    const types = policyTypes.map(({ type }) => type);
    expect(new Set(types).size).toBe(types.length);
  });

  for (const policy of policyTypes) {
    it(`finds ${policy.type}, which can be something and says what it does`, () => {
      expect(findPolicyType(policy.type)).toBe(policy);
      expect(rolesOf(policy)).not.toEqual([]);
      expect(policy.about).toMatch(/^[A-Z].*\.$/);
    });
  }

  it("has no other types", () => expect(findPolicyType("constructor")).toBeUndefined());
});
