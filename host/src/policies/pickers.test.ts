import { describe, expect, it } from "vitest";
import { completed, faultsOf, policyOf } from "./fixtures/parameters.ts";
import { pickerTypes } from "./pickers.ts";

describe("parameters of pickers", () => {
  const wrong: readonly { type: string; parameters: unknown; at: string }[] = [
    { type: "max-score-picker", parameters: { tieBreak: "last" }, at: "tieBreak" },
    { type: "random-picker", parameters: { maxNumOfEndpoints: 1.5 }, at: "maxNumOfEndpoints" },
    { type: "softmax", parameters: { temperature: 0 }, at: "temperature" },
    { type: "softmax", parameters: { temperature: -1 }, at: "temperature" },
    { type: "softmax", parameters: { temperature: Number.POSITIVE_INFINITY }, at: "temperature" },
    { type: "power-of-two", parameters: { choices: 0 }, at: "choices" },
    { type: "power-of-two", parameters: { choices: 2.5 }, at: "choices" },
    { type: "round-robin", parameters: { start: 1 }, at: "" },
    { type: "consistent-hash", parameters: { keyBy: "user" }, at: "keyBy" },
    { type: "consistent-hash", parameters: { keyBy: "header" }, at: "header" },
    { type: "consistent-hash", parameters: { keyBy: "header", header: "x y" }, at: "header" },
    { type: "consistent-hash", parameters: { keyBy: "model", header: "x" }, at: "header" },
    { type: "consistent-hash", parameters: { prefixTokens: 64 }, at: "prefixTokens" },
    { type: "consistent-hash", parameters: { keyBy: "prompt-prefix", prefixTokens: 0 }, at: "prefixTokens" },
    { type: "consistent-hash", parameters: { maxLoadFactor: 0.5 }, at: "maxLoadFactor" },
  ];
  for (const { type, parameters, at } of wrong) {
    it(`of ${type} are refused: ${JSON.stringify(parameters)}`, () => {
      const faults = faultsOf(type, parameters);
      expect(faults.map((fault) => fault.slice(0, fault.indexOf(": ")))).toEqual([at]);
    });
  }
});

describe("every picker", () => {
  for (const { type } of pickerTypes) {
    it(`of type ${type} needs no parameters, and takes a count below 1 for 1`, () => {
      const policy = policyOf(type);
      expect(policy.picker?.("mine", completed(type, {}))).toMatchObject({ name: "mine", type });
      expect(completed(type, { maxNumOfEndpoints: -3 })).toMatchObject({ maxNumOfEndpoints: 1 });
      expect(policy.about).toMatch(/^[A-Z].*\.$/);
      expect(policy.explain?.(completed(type, {}), []) ?? policy.about).not.toContain("undefined");
    });
  }

  const needs = [
    { parameters: {}, want: ["request.session_key"] },
    { parameters: { keyBy: "header", header: "X-User" }, want: [{ key: "request.headers", names: ["x-user"] }] },
    { parameters: { keyBy: "model", maxLoadFactor: 1.25 }, want: ["request.model", "inflight_requests"] },
    { parameters: { keyBy: "prompt-prefix" }, want: ["request.block_hashes"] },
  ];
  for (const { parameters, want } of needs) {
    it(`by hash of ${JSON.stringify(parameters)} says what it reads`, () => {
      const policy = policyOf("consistent-hash");
      const given = completed("consistent-hash", parameters);
      expect(policy.needs?.(given)).toEqual(want);
      expect(policy.explain?.(given, [])).not.toContain("undefined");
    });
  }
});
