import { describe, expect, it } from "vitest";
import { completed, faultsOf, policyOf } from "./fixtures/parameters.ts";

describe("bad input", () => {
  const attribute = (more: object) => ({ attributes: [{ key: { name: "cost" }, expression: "1", ...more }] });
  const cases = [
    {
      type: "agent-identity",
      parameters: { additionalSessionHeaders: ["a b"] },
      fault: "must be the name of a header",
    },
    { type: "agent-identity", parameters: { headers: [] }, fault: "headers" },
    { type: "request-attribute-reporter", parameters: {}, fault: "attributes" },
    { type: "request-attribute-reporter", parameters: { attributes: [] }, fault: "attributes" },
    { type: "request-attribute-reporter", parameters: attribute({ key: {} }), fault: "attributes.0.key.name" },
    {
      type: "request-attribute-reporter",
      parameters: attribute({ expression: "usage.a +" }),
      fault: "is no CEL expression over usage",
    },
    {
      type: "request-attribute-reporter",
      parameters: attribute({ expression: "request.model" }),
      fault: "is no CEL expression over usage",
    },
    { type: "request-attribute-reporter", parameters: attribute({ expression: "1.5" }), fault: "must come to int" },
    { type: "request-attribute-reporter", parameters: attribute({ expression: "usage" }), fault: "must come to int" },
    { type: "request-attribute-reporter", parameters: attribute({ condition: "1" }), fault: "must come to bool" },
    {
      type: "request-attribute-reporter",
      parameters: attribute({ expression: Array.from({ length: 2_000 }, () => "1").join("+") }),
      fault: "is no CEL expression over usage",
    },
    { type: "destination-endpoint-served-verifier", parameters: { a: 1 }, fault: "a" },
  ];
  for (const { type, parameters, fault } of cases) {
    it(`finds fault with ${JSON.stringify(parameters).slice(0, 80)} of ${type}`, () => {
      expect(faultsOf(type, parameters).join("\n")).toContain(fault);
    });
  }
});

describe("agent-identity", () => {
  const agentOf = (headers: Readonly<Record<string, string>>, additionalSessionHeaders: readonly string[] = []) =>
    policyOf("agent-identity")
      .agent?.(completed("agent-identity", { additionalSessionHeaders }))
      .agentOf((name) => headers[name]);
  const cases = [
    {
      title: "the headers that are added first",
      headers: { "x-mine": "a", session_id: "b" },
      more: ["X-Mine"],
      want: "a",
    },
    { title: "those it knows, in order", headers: { session_id: "b", "session-id": "a" }, more: [], want: "a" },
    {
      title: "the next where one is blank",
      headers: { "x-session-affinity": " ", session_id: "b" },
      more: [],
      want: "b",
    },
    { title: "nobody where none is there", headers: { "x-session-id": "a" }, more: [], want: "" },
  ];
  for (const { title, headers, more, want } of cases) {
    it(`goes by ${title}`, () => expect(agentOf(headers as Record<string, string>, more)).toBe(want));
  }
});

describe("request-attribute-reporter", () => {
  const report = (expression: string, condition?: string, told = true) => {
    const attribute = { key: { name: "n" }, expression, ...(condition === undefined ? {} : { condition }) };
    const parameters = completed("request-attribute-reporter", { attributes: [attribute] });
    const usage = told ? { promptTokens: 32, cachedTokens: 8, outputTokens: 10 } : noUsage;
    const reporter = policyOf("request-attribute-reporter").reporter?.(parameters);
    return reporter?.report(usage).map(({ value }) => value);
  };
  const noUsage = { promptTokens: 0, cachedTokens: 0, outputTokens: 0 };
  const cases = [
    { title: "a member", expression: "usage.completion_tokens", want: [10] },
    { title: "a sum", expression: "usage.prompt_tokens + 3 * usage.completion_tokens", want: [62] },
    { title: "the total", expression: "usage.total_tokens", want: [42] },
    { title: "cached tokens", expression: "usage.prompt_tokens_details.cached_tokens", want: [8] },
    {
      title: "cached tokens by the reference's name",
      expression: "usage.prompt_token_details.cached_tokens",
      want: [8],
    },
    { title: "nothing of what is not there", expression: "usage.nothing", want: [] },
    { title: "nothing of a division by 0", expression: "usage.prompt_tokens / 0", want: [] },
    { title: "where its condition holds", expression: "1", condition: "has(usage.completion_tokens)", want: [1] },
    { title: "nothing where it does not", expression: "1", condition: "usage.prompt_tokens > 100", want: [] },
    { title: "nothing where it fails", expression: "1", condition: "usage.nothing > 1", want: [] },
  ];
  for (const { title, expression, condition, want } of cases) {
    it(`tells ${title}`, () => expect(report(expression, condition)).toEqual(want));
  }

  it("tells nothing of usage that was not told", () => {
    expect(report("usage.prompt_tokens", undefined, false)).toEqual([]);
    expect(report("1", "has(usage.prompt_tokens)", false)).toEqual([]);
  });

  it("names the namespace of load balancing unless told otherwise, and numbers in order", () => {
    const attributes = [
      { key: { name: "a" }, expression: "1" },
      { key: { namespace: "billing", name: "b" }, expression: "2" },
    ];
    const parameters = completed("request-attribute-reporter", { attributes });
    expect(policyOf("request-attribute-reporter").reporter?.(parameters).report(noUsage)).toEqual([
      { namespace: "envoy.lb", name: "a", value: 1 },
      { namespace: "billing", name: "b", value: 2 },
    ]);
  });
});
