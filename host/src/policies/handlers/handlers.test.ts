import type { Decider, Profile } from "@outrider/core";
import { describe, expect, it } from "vitest";
import type { PolicyScope } from "../policy-type.ts";
import { faultsOf, parametersOf, typeOf } from "./fixtures/types.ts";

const scopeOf = (...names: readonly string[]): PolicyScope => ({
  profiles: names.map((name) => ({ name, filters: [], scorers: [], picker: undefined }) as unknown as Profile),
  decider: (name) => ({ name, type: "test", decide: () => true }) satisfies Decider,
});

const checkOf = (type: string, written: unknown, profiles: readonly string[]) =>
  typeOf(type).checkProfiles?.(parametersOf(type, written), profiles);
const refsOf = (type: string, written: unknown) =>
  (typeOf(type).refs?.(parametersOf(type, written)) ?? []).map(
    ({ path, name, role }) => `${path.join(".")}: ${role} ${name}`,
  );
const needsOf = (type: string, written: unknown) => typeOf(type).needs?.(parametersOf(type, written)) ?? [];
const createOf = (type: string, written: unknown, scope: PolicyScope) =>
  typeOf(type).handler!("h", parametersOf(type, written), scope);

describe("parameters of a profile handler that are refused", () => {
  const mixed = "is the earlier way to write profiles or deciders: keep those";
  const cases: readonly { type: string; parameters: unknown; want: string }[] = [
    { type: "single-profile-handler", parameters: { a: 1 }, want: "Unrecognized key" },
    { type: "disagg-profile-handler", parameters: { stageOrder: "encode-first" }, want: "stageOrder: Invalid option" },
    { type: "disagg-profile-handler", parameters: { profiles: { decoder: "x" } }, want: "profiles: Unrecognized key" },
    {
      type: "disagg-profile-handler",
      parameters: { profiles: { decode: "d" }, prefillProfile: "p" },
      want: `prefillProfile: ${mixed}`,
    },
    {
      type: "disagg-profile-handler",
      parameters: { deciders: { encode: "e" }, deciderPluginName: "p" },
      want: `deciderPluginName: ${mixed}`,
    },
    {
      type: "disagg-profile-handler",
      parameters: { stageOrder: "prefill-first", deciders: { prefill: "always-disagg-pd-decider" } },
      want: "deciders.prefill: prefill-first asks no prefill decider: remove it, or write stageOrder: decode-first",
    },
    {
      type: "disagg-profile-handler",
      parameters: { stageOrder: "prefill-first", deciderPluginName: "x" },
      want: "deciderPluginName: prefill-first asks no prefill decider",
    },
    { type: "pd-profile-handler", parameters: { primaryPort: 65_536 }, want: "primaryPort: Too big" },
    { type: "pd-profile-handler", parameters: { deciderPluginName: "" }, want: "deciderPluginName: Too small" },
    { type: "data-parallel-profile-handler", parameters: { primaryPort: 0 }, want: "primaryPort: Too small" },
    { type: "header-profile-handler", parameters: { headerName: 7 }, want: "headerName: Invalid input" },
    { type: "profile-rules", parameters: {}, want: "default: Invalid input" },
    { type: "profile-rules", parameters: { rules: [], default: "a" }, want: "rules: Too small" },
    {
      type: "profile-rules",
      parameters: { rules: [{ profile: "a", when: {} }], default: "a" },
      want: "rules.0.when: says nothing: name models, objectives, priority, promptTokens or header",
    },
    {
      type: "profile-rules",
      parameters: { rules: [{ profile: "a", when: { priority: { min: 2, max: 1 } } }], default: "a" },
      want: "rules.0.when.priority.max: must not be below min",
    },
    {
      type: "profile-rules",
      parameters: { rules: [{ profile: "a", when: { promptTokens: {} } }], default: "a" },
      want: "rules.0.when.promptTokens: needs min, max or both",
    },
    {
      type: "profile-rules",
      parameters: { rules: [{ profile: "a", when: { header: { name: "x tier:" } } }], default: "a" },
      want: "rules.0.when.header.name: must be the name of a header",
    },
    { type: "prefix-based-pd-decider", parameters: { nonCachedTokens: -1 }, want: "nonCachedTokens: Too small" },
    { type: "prefix-based-pd-decider", parameters: { promptTokens: 1.5 }, want: "promptTokens: Invalid input" },
    { type: "disagg-headers-handler", parameters: { decodeProfile: "x" }, want: "Unrecognized key" },
  ];
  for (const { type, parameters, want } of cases) {
    it(`are ${JSON.stringify(parameters)} of ${type}`, () =>
      expect(faultsOf(type, parameters).join("\n")).toContain(want));
  }
});

describe("profiles that a handler cannot do with", () => {
  const rules = { rules: [{ profile: "a", when: { models: ["m"] } }], default: "b" };
  const cases: readonly { type: string; parameters?: unknown; profiles: string[]; want: string | undefined }[] = [
    { type: "single-profile-handler", profiles: ["a"], want: undefined },
    { type: "single-profile-handler", profiles: ["a", "b"], want: "runs one profile" },
    { type: "data-parallel-profile-handler", profiles: ["a"], want: undefined },
    { type: "data-parallel-profile-handler", profiles: ["a", "b"], want: "runs one profile" },
    { type: "disagg-profile-handler", profiles: ["decode"], want: undefined },
    {
      type: "disagg-profile-handler",
      parameters: { deciders: { prefill: "always-disagg-pd-decider" } },
      profiles: ["decode"],
      want: undefined,
    },
    { type: "disagg-profile-handler", profiles: ["default"], want: "there is none: name a profile decode, or write" },
    {
      type: "disagg-profile-handler",
      parameters: { decodeProfile: "mine" },
      profiles: ["decode", "prefill"],
      want: "where profile mine picks, and there is none",
    },
    { type: "pd-profile-handler", profiles: ["prefill"], want: "where profile decode picks, and there is none" },
    { type: "header-profile-handler", profiles: ["a", "b"], want: undefined },
    { type: "profile-rules", parameters: rules, profiles: ["a", "b", "c"], want: undefined },
    {
      type: "profile-rules",
      parameters: rules,
      profiles: ["c"],
      want: "names a, b, which is no profile: write one of c",
    },
  ];
  for (const { type, parameters = {}, profiles, want } of cases) {
    it(`${want === undefined ? "do not include" : "include"} ${profiles} for ${type} ${JSON.stringify(parameters)}`, () => {
      const fault = checkOf(type, parameters, profiles);
      if (want === undefined) expect(fault).toBeUndefined();
      else expect(fault).toContain(want);
    });
  }
});

describe("deciders that a handler names", () => {
  const cases = [
    { type: "disagg-profile-handler", parameters: {}, want: [] },
    {
      type: "disagg-profile-handler",
      parameters: { deciders: { prefill: "p", encode: "e" } },
      want: ["deciders.prefill: decider p", "deciders.encode: decider e"],
    },
    {
      type: "disagg-profile-handler",
      parameters: { prefillDeciderPluginName: "p", deciderPluginName: "q", encodeDeciderPluginName: "e" },
      want: ["prefillDeciderPluginName: decider p", "encodeDeciderPluginName: decider e"],
    },
    {
      type: "disagg-profile-handler",
      parameters: { deciderPluginName: "q" },
      want: ["deciderPluginName: decider q"],
    },
    { type: "pd-profile-handler", parameters: {}, want: ["deciderPluginName: decider prefix-based-pd-decider"] },
    { type: "pd-profile-handler", parameters: { deciderPluginName: "p" }, want: ["deciderPluginName: decider p"] },
  ];
  for (const { type, parameters, want } of cases) {
    it(`are found where ${type} has ${JSON.stringify(parameters)}`, () =>
      expect(refsOf(type, parameters)).toEqual(want));
  }
});

describe("what handlers and deciders read", () => {
  const cases = [
    { type: "disagg-profile-handler", parameters: {}, want: [] },
    { type: "prefix-based-pd-decider", parameters: {}, want: [] },
    {
      type: "prefix-based-pd-decider",
      parameters: { nonCachedTokens: 1 },
      want: ["request.prompt_tokens", "data.prefix_match_blocks", "data.prefix_total_blocks"],
    },
    { type: "always-disagg-multimodal-decider", parameters: {}, want: ["request.multimodal"] },
    { type: "always-disagg-pd-decider", parameters: {}, want: [] },
    { type: "header-profile-handler", parameters: {}, want: [{ key: "request.headers", names: ["epp-profile"] }] },
    {
      type: "header-profile-handler",
      parameters: { headerName: " X-Lane " },
      want: [{ key: "request.headers", names: ["x-lane"] }],
    },
    {
      type: "profile-rules",
      parameters: {
        rules: [
          { profile: "a", when: { header: { name: "X-Tier" } } },
          { profile: "b", when: { header: { name: "x-tier", values: ["gold"] } } },
          { profile: "b", when: { models: ["m"] } },
        ],
        default: "a",
      },
      want: [{ key: "request.headers", names: ["x-tier"] }],
    },
    {
      type: "profile-rules",
      parameters: { rules: [{ profile: "a", when: { models: ["m"] } }], default: "a" },
      want: [],
    },
  ];
  for (const { type, parameters, want } of cases) {
    it(`is ${JSON.stringify(want)} for ${type} ${JSON.stringify(parameters)}`, () =>
      expect(needsOf(type, parameters)).toEqual(want));
  }
});

describe("a handler that is made", () => {
  const view = (more: object) => ({ facts: { headers: {}, model: "m" }, profiles: [], picks: [], ...more }) as never;
  const ran = (name: string) => ({ name, picked: [3] });

  it("runs the stages under the names that its parameters give them, in either form", () => {
    for (const written of [
      { profiles: { decode: "d", prefill: "p" }, deciders: { prefill: "x" } },
      { decodeProfile: "d", prefillProfile: "p", deciderPluginName: "x" },
    ]) {
      const handler = createOf("disagg-profile-handler", written, scopeOf("p", "d"));
      expect(handler.next(view({}))).toMatchObject({ name: "d" });
      expect(handler.next(view({ profiles: [ran("d")] }))).toMatchObject({ name: "p" });
      expect(handler.next(view({ profiles: [ran("d"), ran("p")] }))).toBeUndefined();
    }
  });

  it("begins with prefill where it is told to", () => {
    const handler = createOf("disagg-profile-handler", { stageOrder: "prefill-first" }, scopeOf("prefill", "decode"));
    expect(handler.next(view({}))).toMatchObject({ name: "prefill" });
  });

  it("is of the earlier type where that is written, with a port of its ranks", () => {
    const handler = createOf("pd-profile-handler", { primaryPort: 8_000 }, scopeOf("prefill", "decode"));
    expect(handler).toMatchObject({ name: "h", type: "pd-profile-handler" });
    expect(handler.ownHeaders).toContain("x-data-parallel-host-port");
    expect(handler.next(view({ profiles: [ran("decode")] }))).toMatchObject({ name: "prefill" });
  });

  it("takes blank parameters of headers for the default", () => {
    const written = { headerName: " ", defaultProfile: "" };
    const handler = createOf("header-profile-handler", written, scopeOf("decode", "other"));
    expect(handler.next(view({}))).toMatchObject({ name: "decode" });
    const facts = { headers: { "epp-profile": "other" } };
    expect(handler.next(view({ facts }))).toMatchObject({ name: "other" });
  });

  it("goes by its rules", () => {
    const written = { rules: [{ profile: "b", when: { models: ["m"] } }], default: "a" };
    expect(createOf("profile-rules", written, scopeOf("a", "b")).next(view({}))).toMatchObject({ name: "b" });
  });

  const missing = [
    { type: "disagg-profile-handler", written: {}, want: "there is no profile decode" },
    {
      type: "profile-rules",
      written: { rules: [{ profile: "b", when: { models: ["m"] } }], default: "x" },
      want: "there is no profile b",
    },
  ];
  for (const { type, written, want } of missing) {
    it(`is not made by ${type} where a profile is missing`, () => {
      expect(() => createOf(type, written, scopeOf("a"))).toThrow(
        expect.objectContaining({ code: "CONFIG_INVALID", message: want }),
      );
    });
  }
});

describe("types of the reference EPP that are out of date", () => {
  for (const type of ["disagg-headers-handler", "prefill-header-handler"]) {
    it(`include ${type}, which is accepted and does nothing`, () => {
      expect(typeOf(type)).toMatchObject({ implied: true, notice: expect.stringContaining("remove it") });
      expect(faultsOf(type, { prefillProfile: "p", encodeProfile: "e" })).toEqual([]);
    });
  }

  for (const type of ["pd-profile-handler", "data-parallel-profile-handler"]) {
    it(`include ${type}, with a notice`, () => expect(typeOf(type).notice).toContain("deprecated"));
  }
});
