import { toJson } from "@bufbuild/protobuf";
import { DecisionSchema, OutcomeKind } from "@outrider/protos/record";
import { describe, expect, it } from "vitest";
import { refuse } from "../scheduling/refusals.ts";
import { createColumnNumbers } from "./column-numbers.ts";
import { decide, plan } from "./fixtures/decide.ts";
import { toDecision } from "./to-decision.ts";

const context = { door: "ext_proc", plan, refusal: undefined };

describe("toDecision", () => {
  it("keeps what the decision was made from", async () => {
    const numbers = createColumnNumbers();
    const decision = toDecision(await decide("d1"), context, numbers);
    expect(decision).toMatchObject({
      decisionId: "d1",
      atMs: 1_234,
      door: "ext_proc",
      generation: 3,
      epoch: 9,
      rev: 1,
      candidates: [0, 1],
      primary: "default",
      seed: 5,
      budgetUs: 5_000,
      facts: { model: "llama", stream: true, requestId: "request-of-d1", pinnedSlotPlus1: 0 },
    });
    const inflight = decision.inflight.map(({ column, slots, values }) => [column, [...slots], values]);
    const columns = Object.fromEntries(numbers.columns().map(({ id, key, unit }) => [id, `${key} in ${unit}`]));
    expect(inflight.map(([column]) => columns[column as number])).toEqual([
      "inflight_requests in requests",
      "inflight_prompt_tokens in tokens",
      "inflight_output_tokens in tokens",
    ]);
    expect(inflight[0]).toEqual([expect.any(Number), [0b11], [2, 1]]);
  });

  it("tells of each scorer and producer what it brought, abstentions and clamping included", async () => {
    const decision = toDecision(await decide("d1"), context, createColumnNumbers());
    const [profile] = decision.profiles;
    expect(profile).toMatchObject({ name: "default", picker: "best", tieBreak: "first", picked: [0, 1] });
    expect(profile?.scorers).toMatchObject([
      { name: "even", type: "even-scorer", kind: OutcomeKind.SCORED, weight: 2, scores: [0.5, 0.5], callId: 12 },
      {
        name: "picky",
        kind: OutcomeKind.SCORED,
        scores: [1, 0],
        abstain: Uint8Array.of(0b10),
        clamped: 1,
        reason: "only the first one",
      },
      { name: "broken", kind: OutcomeKind.FAILED, code: "SCORER_FAILED", reason: "out of luck", scores: [] },
    ]);
    expect(decision.producers).toMatchObject([
      { name: "counter", kind: OutcomeKind.SCORED, values: [{ values: [7, 0], unknown: Uint8Array.of(0b10) }] },
    ]);
  });

  it("says why a request was refused", async () => {
    const record = { ...(await decide("d1")), destination: [] };
    const decision = toDecision(
      record,
      { ...context, refusal: refuse("ServiceUnavailable", "nobody") },
      createColumnNumbers(),
    );
    expect(decision).toMatchObject({
      primary: "",
      destination: [],
      refused: { status: 503, code: "ServiceUnavailable", reason: "nobody" },
    });
  });

  it("says which scorer's missing answer refused a request", async () => {
    const record = { ...(await decide("d1")), destination: [], failedBy: "broken" };
    const refusal = refuse("ServiceUnavailable", "told");
    expect(toDecision(record, { ...context, refusal }, createColumnNumbers()).refused).toMatchObject({
      reason: "told",
      scorer: "broken",
    });
  });

  it("tells of what stood in, of vetoes and of shadow scorers", async () => {
    const record = await decide("d1");
    const [profile] = record.profiles;
    const [even, picky, broken] = profile!.scorers;
    const scorers = [
      { ...even!, vetoed: [1] },
      picky!,
      { ...broken!, fallback: "last_known" as const, scores: Float32Array.of(Number.NaN, 0.25) },
    ];
    const shadows = [{ ...picky!, name: "shadow", vetoed: [0, 1] }];
    const changed = { ...record, profiles: [{ ...profile!, scorers, shadows, vetoes: "ignored" as const }] };
    const [run] = toDecision(changed, context, createColumnNumbers()).profiles;
    expect(run).toMatchObject({
      vetoesIgnored: true,
      scorers: [
        { name: "even", veto: Uint8Array.of(0b10), fallback: "" },
        { name: "picky", veto: new Uint8Array() },
        {
          name: "broken",
          kind: OutcomeKind.FAILED,
          fallback: "last_known",
          scores: [0, 0.25],
          abstain: Uint8Array.of(1),
        },
      ],
      shadows: [{ name: "shadow", kind: OutcomeKind.SCORED, scores: [1, 0], veto: Uint8Array.of(0b11) }],
    });
    const [plain] = toDecision(record, context, createColumnNumbers()).profiles;
    expect(plain).toMatchObject({ vetoesIgnored: false, shadows: [] });
  });

  it("keeps nothing of the prompt, and makes JSON of whatever the client sent", async () => {
    const record = await decide("d1", "m\ud800\u0000".repeat(1_000));
    const json = JSON.stringify(toJson(DecisionSchema, toDecision(record, context, createColumnNumbers())));
    expect(json).not.toContain("secret words");
    expect(json).toContain("request-of-d1");
  });
});
