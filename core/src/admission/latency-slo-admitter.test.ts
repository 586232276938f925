import { describe, expect, it } from "vitest";
import { callAbout, type GivenCall, type GivenEndpoint } from "../filters/fixtures/calls.ts";
import { createLatencySloAdmitter } from "./latency-slo-admitter.ts";

const unknown = Number.NaN;
const busy: GivenEndpoint = { values: { running_requests: 8, kv_cache_usage: 0.5 } };
const admitter = createLatencySloAdmitter("slo");
const predicted = (ttft: readonly number[], tpot: readonly number[] = ttft.map(() => unknown)) => ({
  "data.predicted_ttft_ms": ttft,
  "data.predicted_tpot_ms": tpot,
});
const sheddable = { priority: -1, sloTtftMs: 100 };

describe("the latency SLO admitter", () => {
  const cases: readonly {
    readonly title: string;
    readonly endpoints?: readonly GivenEndpoint[];
    readonly given: GivenCall;
    readonly refuses: boolean;
  }[] = [
    {
      title: "refuses what no endpoint is to answer in time",
      given: { facts: sheddable, data: predicted([101, 200]) },
      refuses: true,
    },
    {
      title: "admits what one of them is to answer in time",
      given: { facts: sheddable, data: predicted([100, 200]) },
      refuses: false,
    },
    {
      title: "demands both targets of one endpoint",
      given: { facts: { ...sheddable, sloTpotMs: 20 }, data: predicted([90, 200], [30, 10]) },
      refuses: true,
    },
    {
      title: "admits without a target, whatever is predicted (defect: unset SLO makes headroom negative)",
      given: { facts: { priority: -1 }, data: predicted([900, 900], [900, 900]) },
      refuses: false,
    },
    {
      title: "goes by the target that is set alone (defect: unset SLO makes headroom negative)",
      given: { facts: sheddable, data: predicted([90, 900], [900, 900]) },
      refuses: false,
    },
    {
      title: "admits priority 0, whatever is predicted",
      given: { facts: { ...sheddable, priority: 0 }, data: predicted([900, 900]) },
      refuses: false,
    },
    {
      title: "admits where one endpoint is idle",
      endpoints: [busy, { values: { running_requests: 0, kv_cache_usage: 0.5 } }],
      given: { facts: sheddable, data: predicted([900, 900]) },
      refuses: false,
    },
    {
      title: "admits where one endpoint is cold",
      endpoints: [busy, { values: { running_requests: 3, kv_cache_usage: 0.019 } }],
      given: { facts: sheddable, data: predicted([900, 900]) },
      refuses: false,
    },
    {
      title: "does not take an endpoint of which nothing is known for idle",
      endpoints: [busy, {}],
      given: { facts: sheddable, data: predicted([900, 900]) },
      refuses: true,
    },
    { title: "admits where nothing is predicted", given: { facts: sheddable }, refuses: false },
    {
      title: "admits where something is not predicted",
      given: { facts: sheddable, data: predicted([900, unknown]) },
      refuses: false,
    },
    { title: "admits where there is no candidate", endpoints: [], given: { facts: sheddable }, refuses: false },
  ];
  for (const { title, endpoints = [busy, busy], given, refuses } of cases) {
    it(title, () => expect(admitter.admit(callAbout(endpoints, given)) !== undefined).toBe(refuses));
  }

  it("refuses as exhausted, 429 (defect: denials of admitters become 500)", () => {
    expect(admitter.admit(callAbout([busy], { facts: sheddable, data: predicted([900]) }))).toEqual({
      by: "slo",
      code: "ResourceExhausted",
      message: "latency-slo-admitter: no endpoint is predicted to meet the request's latency target",
      droppedReason: "rejected-saturated",
      retryAfterS: 1,
    });
  });
});
