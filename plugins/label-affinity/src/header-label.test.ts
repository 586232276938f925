import { toNeeds } from "@outrider/plugin-sdk";
import { childProcess, fakeCall, local, loopback, scorerContract } from "@outrider/plugin-sdk/testing";
import { describe, expect, it } from "vitest";
import { headerLabelAffinityScorer } from "./header-label.ts";

const placements = { local, loopback, childProcess: childProcess(new URL("main.ts", import.meta.url)) };
const parameters = { headerName: "X-Tier", labelKey: "tier" };
const unknown = Number.NaN;

for (const [where, open] of Object.entries(placements)) {
  describe(`header-label-affinity-scorer, ${where}, keeps the scorer contract`, () => {
    for (const { title, run } of scorerContract) {
      it(title, async () => run(await open(headerLabelAffinityScorer, parameters)), 20_000);
    }
  });
}

const pool = [{ labels: { tier: "gold" } }, { labels: { tier: "Gold" } }, { labels: {} }];
const cases = [
  { title: "rates the same value 1, any other 0", headers: { "x-tier": "gold" }, want: [1, 0, 0] },
  { title: "rates none where none has it", headers: { "x-tier": "lead" }, want: [0, 0, 0] },
  { title: "abstains without the header", headers: {}, want: [unknown, unknown, unknown] },
  { title: "abstains with an empty one", headers: { "x-tier": "" }, want: [unknown, unknown, unknown] },
  { title: "is not misled by names of the language", headers: { "x-tier": "constructor" }, want: [0, 0, 0] },
];

for (const [where, open] of Object.entries({ local, loopback })) {
  describe(`the formula of header-label-affinity-scorer, ${where}`, () => {
    for (const { title, headers, want } of cases) {
      it(title, async () => {
        const scorer = await open(headerLabelAffinityScorer, parameters);
        expect([...(await scorer.score(fakeCall({ pool, request: { headers } })))]).toEqual(want);
        await scorer.close();
      });
    }
  });
}

it("asks for the header and the label that its parameters name", () => {
  expect(toNeeds(headerLabelAffinityScorer, parameters)).toEqual([
    { key: "request.headers", names: ["x-tier"], required: true },
    { key: "endpoint.labels", names: ["tier"], required: true },
  ]);
});

describe("parameters are refused", () => {
  const wrong = [{}, { headerName: "x" }, { labelKey: "x" }, { headerName: "a b", labelKey: "x" }];
  for (const given of [...wrong, { ...parameters, labelKey: "" }, { ...parameters, weight: 1 }]) {
    it(JSON.stringify(given), () => expect(headerLabelAffinityScorer.config.safeParse(given).success).toBe(false));
  }
});
