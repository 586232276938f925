import type { NeedKey } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { good, openScheduling, post, type SchedulingOptions } from "./fixtures/open-scheduling.ts";
import { createScheduler } from "./scheduler.ts";
import type { Routed } from "./types.ts";

async function observationOf(options: SchedulingOptions, headers: Readonly<Record<string, string>> = {}) {
  const { scheduler } = openScheduling(options);
  return ((await scheduler.decide(post(good, undefined, headers))) as Routed).observation;
}

describe("what is worth showing of a response", () => {
  const needs: readonly { readonly granted: readonly NeedKey[]; readonly want: string }[] = [
    { granted: [], want: "none" },
    { granted: ["events.picked", "waiting_requests"], want: "none" },
    { granted: ["events.done"], want: "full" },
    { granted: ["events.progress"], want: "full" },
    { granted: ["events.headers"], want: "full" },
  ];
  for (const { granted, want } of needs) {
    it(`is ${want} by default where plugins were granted ${granted.join(", ") || "nothing"}`, async () => {
      expect(await observationOf({ responses: "auto", granted })).toBe(want);
    });
  }

  it("is everything by default where in-flight counts are read", async () => {
    expect(await observationOf({ responses: "auto", granted: [], readsInflight: true })).toBe("full");
  });

  for (const responses of ["full", "headers", "none"] as const) {
    it(`is ${responses} where the configuration says so, whoever needs what`, async () => {
      expect(await observationOf({ responses, readsInflight: true })).toBe(responses);
      expect(await observationOf({ responses, granted: [] })).toBe(responses);
    });
  }

  it("is what was said when the request came, whatever is said when it is decided", async () => {
    let decide = () => {};
    const held = new Promise<undefined>((resolve) => {
      decide = () => resolve(undefined);
    });
    const { parts } = openScheduling({ responses: "headers", score: () => held });
    const inForce = { ...parts.inForce() };
    const verdict = createScheduler({ ...parts, inForce: () => inForce }).decide(post(good));
    inForce.responses = "none";
    decide();
    expect(((await verdict) as Routed).observation).toBe("headers");
  });

  it("is everything where the model's name is to go back into it", async () => {
    expect(await observationOf({ responses: "none" }, { "x-llm-d-model-name-rewrite": "target" })).toBe("full");
  });
});
