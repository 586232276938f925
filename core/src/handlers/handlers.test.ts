import { describe, expect, it } from "vitest";
import type { CycleFacts } from "../cycle/types.ts";
import { createDataParallelProfileHandler } from "./data-parallel-profile-handler.ts";
import { decide, profileAt, ranIn } from "./fixtures/decide.ts";
import { createHeaderProfileHandler } from "./header-profile-handler.ts";
import { createProfileRules, type RuleConditions } from "./profile-rules.ts";
import { peerHeaders } from "./routed-picks.ts";
import { createSingleProfileHandler } from "./single-profile-handler.ts";

const decode = profileAt("decode", 0, 1);
const prefill = profileAt("prefill", 2, 3);
const encode = profileAt("encode", 4, 5);

describe("single-profile-handler", () => {
  it("runs its profile once, and sends where it picks", () => {
    const record = decide(createSingleProfileHandler("h", decode));
    expect(ranIn(record)).toEqual(["decode 0,1"]);
    expect(record).toMatchObject({ primary: "decode", destination: [0, 1], routing: { setHeaders: [], port: 0 } });
  });

  it("runs it once where it finds nothing too", () => {
    const record = decide(createSingleProfileHandler("h", profileAt("decode")));
    expect(record).toMatchObject({ primary: "decode", destination: [], refusal: undefined });
    expect(ranIn(record)).toEqual(["decode"]);
  });
});

describe("data-parallel-profile-handler", () => {
  const handler = createDataParallelProfileHandler("h", { primaryPort: 8_000 }, decode);

  it("sends to the port that ranks share, and names the picked rank", () => {
    const record = decide(handler);
    expect(record).toMatchObject({ destination: [0, 1], primary: "decode" });
    expect(record.routing).toEqual({ setHeaders: [["x-data-parallel-host-port", "10.0.0.1:0"]], port: 8_000 });
    expect(handler.ownHeaders).toEqual(peerHeaders);
  });

  it("sends nowhere where no rank is found", () => {
    const record = decide(createDataParallelProfileHandler("h", { primaryPort: 8_000 }, profileAt("decode")));
    expect(record).toMatchObject({ destination: [], routing: { setHeaders: [], port: 0 } });
  });
});

describe("header-profile-handler", () => {
  const options = { headerName: "EPP-Profile", defaultProfile: "decode" };
  const handler = createHeaderProfileHandler("h", options, [prefill, decode]);
  const named = [
    { title: "the named profile", value: "prefill", want: "prefill" },
    { title: "the named profile, whatever blanks surround it", value: " prefill ", want: "prefill" },
    { title: "the default profile where the header is empty", value: "  ", want: "decode" },
    { title: "the default profile where there is no header", value: undefined, want: "decode" },
  ];
  for (const { title, value, want } of named) {
    it(`runs ${title}, and no other`, () => {
      const record = decide(handler, { facts: { headers: value === undefined ? {} : { "epp-profile": value } } });
      expect(record.profiles.map(({ name }) => name)).toEqual([want]);
      expect(record).toMatchObject({ primary: want, refusal: undefined });
      expect(record.destination.length).toBeGreaterThan(0);
    });
  }

  const refused = [
    { title: "an unknown name", value: "other", message: 'epp-profile names no profile: there is no "other"' },
    {
      title: "a name in other letters",
      value: "Decode",
      message: 'epp-profile names no profile: there is no "Decode"',
    },
    { title: "a name of the language", value: "constructor", message: 'there is no "constructor"' },
    { title: "a long name, which is told in part", value: "x".repeat(9_000), message: `no "${"x".repeat(64)}"` },
  ];
  for (const { title, value, message } of refused) {
    it(`refuses ${title} with 429`, () => {
      const record = decide(handler, { facts: { headers: { "epp-profile": value } } });
      expect(record).toMatchObject({ profiles: [], destination: [], primary: "" });
      expect(record.refusal).toMatchObject({ by: "h", code: "ResourceExhausted", droppedReason: "", retryAfterS: 0 });
      expect(record.refusal?.message).toContain(message);
    });
  }

  it("refuses a request without the header where there is no default profile", () => {
    const other = createHeaderProfileHandler("h", { ...options, defaultProfile: "gone" }, [prefill, decode]);
    expect(decide(other).refusal?.message).toBe("epp-profile names no profile");
  });

  it("runs an only profile whatever the header says", () => {
    const only = createHeaderProfileHandler("h", options, [prefill]);
    const record = decide(only, { facts: { headers: { "epp-profile": "other" } } });
    expect(record).toMatchObject({ primary: "prefill", destination: [2, 3] });
  });
});

describe("profile-rules", () => {
  const fits = (when: RuleConditions, facts: Partial<CycleFacts>) => {
    const handler = createProfileRules("h", [{ profile: prefill, when }], decode);
    return decide(handler, { facts }).primary === "prefill";
  };
  const facts: Partial<CycleFacts> = {
    model: "llama",
    objective: "batch",
    priority: -1,
    promptTokens: 500,
    headers: { "x-tier": "gold", constructor: "x" },
  };
  const cases: readonly { when: RuleConditions; want: boolean }[] = [
    { when: {}, want: true },
    { when: { models: ["other", "llama"] }, want: true },
    { when: { models: ["Llama"] }, want: false },
    { when: { objectives: ["batch"] }, want: true },
    { when: { objectives: ["chat"] }, want: false },
    { when: { priority: { max: -1 } }, want: true },
    { when: { priority: { min: 0 } }, want: false },
    { when: { priority: { min: -1, max: 0 } }, want: true },
    { when: { promptTokens: { min: 500, max: 500 } }, want: true },
    { when: { promptTokens: { min: 501 } }, want: false },
    { when: { promptTokens: { max: 499 } }, want: false },
    { when: { header: { name: "X-Tier" } }, want: true },
    { when: { header: { name: "x-tier", values: ["silver", "gold"] } }, want: true },
    { when: { header: { name: "x-tier", values: ["silver"] } }, want: false },
    { when: { header: { name: "x-other" } }, want: false },
    { when: { header: { name: "toString" } }, want: false },
    { when: { models: ["llama"], promptTokens: { min: 100 }, header: { name: "x-tier" } }, want: true },
    { when: { models: ["llama"], promptTokens: { min: 1_000 }, header: { name: "x-tier" } }, want: false },
  ];
  for (const { when, want } of cases) {
    it(`${want ? "fits" : "does not fit"} ${JSON.stringify(when)}`, () => expect(fits(when, facts)).toBe(want));
  }

  it("goes by the first rule that fits, and runs that profile alone", () => {
    const rules = [
      { profile: encode, when: { models: ["a"] } },
      { profile: prefill, when: { models: ["a", "b"] } },
    ];
    const handler = createProfileRules("h", rules, decode);
    const primaries = ["a", "b", "c"].map((model) => decide(handler, { facts: { model } }));
    expect(primaries.map(ranIn)).toEqual([["encode 4,5"], ["prefill 2,3"], ["decode 0,1"]]);
  });
});
