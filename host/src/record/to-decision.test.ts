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

  it("says which policy refused a request, and what the client was told besides", async () => {
    const made = { by: "gate", code: "ResourceExhausted", message: "m", droppedReason: "r", retryAfterS: 3 } as const;
    const record = { ...(await decide("d1")), destination: [], refusal: made };
    const refusal = { ...refuse("ResourceExhausted", "m", "r"), retryAfterS: 3 };
    expect(toDecision(record, { ...context, refusal }, createColumnNumbers()).refused).toMatchObject({
      status: 429,
      policy: "gate",
      scorer: "",
      droppedReason: "r",
      retryAfterS: 3,
    });
  });

  it("tells what each filter left, and how one that left nothing was treated", async () => {
    const record = await decide("d1");
    const [profile] = record.profiles;
    const filters = [
      { name: "by role", kept: Uint32Array.of(1), outcome: "applied" },
      { name: "by load", kept: Uint32Array.of(1), outcome: "ignored" },
      { name: "by zone", kept: Uint32Array.of(0), outcome: "relaxed", setAside: ["by role"] },
    ] as const;
    const planned = (["fail", "ignore_last", "relax"] as const).map((onEmpty, i) => ({
      filter: { name: filters[i]!.name, type: `type ${i}`, filter: () => expect.unreachable() },
      onEmpty,
    }));
    const made = { ...plan, profiles: [{ ...plan.profiles[0]!, filters: planned }] };
    const changed = { ...record, profiles: [{ ...profile!, filters }] };
    const [run] = toDecision(changed, { ...context, plan: made }, createColumnNumbers()).profiles;
    expect(run?.filters).toMatchObject([
      { name: "by role", type: "type 0", kept: [1], onEmpty: "fail", outcome: "", setAside: [] },
      { name: "by load", type: "type 1", kept: [1], onEmpty: "ignore_last", outcome: "ignored", setAside: [] },
      { name: "by zone", type: "type 2", kept: [0], onEmpty: "relax", outcome: "relaxed", setAside: ["by role"] },
    ]);
  });

  it("tells what the request carried to its destination, and nothing where that is nothing", async () => {
    const record = await decide("d1");
    const routing = { setHeaders: [["x-prefiller-host-port", "10.0.0.2:8000"]] as const, port: 8_001 };
    expect(toDecision({ ...record, routing }, context, createColumnNumbers()).routing).toMatchObject({
      headers: [{ name: "x-prefiller-host-port", value: "10.0.0.2:8000" }],
      port: 8_001,
    });
    expect(toDecision(record, context, createColumnNumbers()).routing).toBeUndefined();
  });

  it("says whether the prompt was known to have parts that are no text", async () => {
    const told = async (multimodal: boolean | undefined) => {
      const record = await decide("d1");
      Object.defineProperty(record.facts, "multimodal", { value: multimodal });
      return toDecision(record, context, createColumnNumbers()).multimodal;
    };
    expect(await Promise.all([true, false, undefined].map(told))).toEqual([true, false, false]);
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
