import { describe, expect, it } from "vitest";
import { parseMetricSpec } from "./parse-metric-spec.ts";

describe("a metric spec that is none", () => {
  const wrong = [
    "",
    " ",
    "two words",
    "0name",
    "na-me",
    "name{",
    "name}",
    "name{label}",
    "name{label=}",
    "name{=value}",
    "name{label!=value}",
    "name{label=~value}",
    'name{label=~"v.*"}',
    'name{label="open}',
    "name{a=b c=d}",
    "name{a=b,a=c}",
    "name{a=b}{c=d}",
    "name[5m]",
    "rate(name)",
  ];
  for (const text of wrong) {
    it(`is refused: ${JSON.stringify(text)}`, () => expect(parseMetricSpec(text)).toBeUndefined());
  }
});

describe("a metric spec", () => {
  const cases = [
    { text: "name", metric: "name", match: {} },
    { text: " vllm:num_requests_waiting ", metric: "vllm:num_requests_waiting", match: {} },
    { text: "name{}", metric: "name", match: {} },
    { text: "name{a=b}", metric: "name", match: { a: "b" } },
    { text: 'name{a="b",c=d}', metric: "name", match: { a: "b", c: "d" } },
    { text: "name { a = b , c = d , }", metric: "name", match: { a: "b", c: "d" } },
    { text: 'name{a="with } and , and \\" in it"}', metric: "name", match: { a: 'with } and , and " in it' } },
    { text: 'name{a=""}', metric: "name", match: { a: "" } },
    { text: "name{a=1.5}", metric: "name", match: { a: "1.5" } },
  ];
  for (const { text, metric, match } of cases) {
    it(`is read: ${text}`, () => expect(parseMetricSpec(text)).toEqual({ metric, match }));
  }
});
