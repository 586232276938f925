import { describe, expect, it } from "vitest";
import { good, openScheduling, post, type SchedulingOptions } from "./fixtures/open-scheduling.ts";
import type { IncomingRequest, Routed } from "./types.ts";

const newer = "x-llm-d-model-name-rewrite";
const older = "x-gateway-model-name-rewrite";

async function decide(
  headers: Readonly<Record<string, string>>,
  more: Partial<IncomingRequest> = {},
  options: SchedulingOptions = {},
) {
  const scheduling = openScheduling(options);
  const verdict = await scheduling.scheduler.decide({ ...post(good, undefined, headers), ...more });
  return { ...scheduling, verdict };
}

const textOf = (chunks: readonly Uint8Array[] = []) => Buffer.concat(chunks).toString();

describe("bad input", () => {
  const cases = [
    { title: "bytes that are no UTF-8", target: "m\ufffd" },
    { title: "a NUL character", target: "m\0" },
    { title: "a line break", target: "m\nx" },
    { title: "half a surrogate pair", target: "m\ud800" },
    { title: "more than 1,024 characters", target: "m".repeat(1_025) },
  ];
  for (const { title, target } of cases) {
    it(`refuses ${title} in the header with 400`, async () => {
      const { verdict, leases, heard } = await decide({ [newer]: target });
      expect(verdict).toMatchObject({ kind: "refused", code: "BadRequest", status: 400 });
      expect([leases.count(), heard]).toEqual([0, []]);
    });
  }

  it("refuses a body without a model, whatever the header names", async () => {
    const { verdict } = await decide({ [newer]: "target" }, { body: [Buffer.from('{"prompt":"p"}')] });
    expect(verdict).toMatchObject({ code: "BadRequest", message: "model not found in request body" });
  });

  it("refuses to rewrite a body that the gateway hides, and says what to do", async () => {
    const { verdict } = await decide({ [newer]: "target" }, { body: undefined, isBodyHidden: true });
    expect(verdict).toMatchObject({ kind: "refused", code: "Internal", status: 500 });
    expect(verdict).toMatchObject({ message: expect.stringContaining("FULL_DUPLEX_STREAMED or BUFFERED") });
  });
});

describe("a rewrite", () => {
  it("changes the name of the model on the way there and back, and nothing else", async () => {
    const { verdict, registry } = await decide({ [newer]: 'target "1"' });
    const { rewrite } = verdict as Routed;
    expect(rewrite?.model).toBe('target "1"');
    expect(textOf(rewrite?.body)).toBe('{"model":"target \\"1\\"","prompt":"hello there","max_tokens":7}');
    const response = rewrite?.respond();
    const chunks = ['data: {"model": "target', ' \\"1\\""}\n\n'].flatMap((text) => response?.push(Buffer.from(text)));
    expect(textOf([...(chunks as Uint8Array[]), ...(response?.end() ?? [])])).toBe('data: {"model": "m"}\n\n');
    expect(await registry.metrics()).toContain('outrider_model_rewrites_total{rule=""} 1');
  });

  it("decides by the name at the model server", async () => {
    const { ring } = await decide({ [newer]: "target" });
    expect(ring.latest(1)[0]?.facts.model).toBe("target");
  });

  it("is in force for facts that are given in the place of a body", async () => {
    const counts = { promptTokens: 3, maxOutputTokens: 0 };
    const facts = { model: "m", stream: false, cacheSalt: "", prompt: { kind: "none" }, sessionKey: "", ...counts };
    const given = facts as IncomingRequest["given"];
    const { verdict } = await decide({ [newer]: "target" }, { body: undefined, given });
    expect(verdict).toMatchObject({ rewrite: { model: "target", body: undefined } });
  });

  it("lets go of the request's body when the response begins", async () => {
    const { verdict } = await decide({ [newer]: "target" });
    const routed = verdict as Routed;
    routed.responseHeaders(200, () => undefined, undefined);
    expect(routed.rewrite).toMatchObject({ model: "target", body: undefined });
  });

  const headers = [
    { title: "the newer header before the older", headers: { [older]: "old", [newer]: "new" }, want: "new" },
    { title: "the older header alone", headers: { [older]: "old" }, want: "old" },
    { title: "the older header where the newer is blank", headers: { [older]: "old", [newer]: " \t" }, want: "old" },
    { title: "a header without the white space around it", headers: { [newer]: " new " }, want: "new" },
  ];
  for (const { title, headers: given, want } of headers) {
    it(`goes by ${title}`, async () => {
      expect((await decide(given)).verdict).toMatchObject({ rewrite: { model: want } });
    });
  }

  const none: readonly { title: string; headers: Readonly<Record<string, string>>; more?: Partial<IncomingRequest> }[] =
    [
      { title: "without a header", headers: {} },
      { title: "with blank headers", headers: { [newer]: "", [older]: "  " } },
      { title: "to the name it has", headers: { [newer]: "m" } },
      {
        title: "of a request without a body",
        headers: { [newer]: "target" },
        more: { body: undefined },
      },
      { title: "of a hidden body without a header", headers: {}, more: { body: undefined, isBodyHidden: true } },
    ];
  for (const { title, headers: given, more } of none) {
    it(`is not in force ${title}`, async () => {
      const { verdict, registry } = await decide(given, more, { responses: "none" });
      expect(verdict).toMatchObject({ kind: "routed", rewrite: undefined, observation: "none" });
      expect(await registry.metrics()).not.toContain("outrider_model_rewrites_total{");
    });
  }
});

it("lets a hidden body pass that rules may be for: the gateway may show it yet", async () => {
  const rules = { rewritesModels: true, rewriteOf: () => ({ rule: "r", model: "other" }) };
  const { verdict } = await decide({}, { body: undefined, isBodyHidden: true }, { rules });
  expect(verdict).toMatchObject({ kind: "routed", rewrite: undefined });
});

it("knows nothing of a body that the gateway hides, and decides all the same", async () => {
  const { ring } = await decide({}, { body: undefined, isBodyHidden: true });
  expect(ring.latest(1)[0]?.facts).toMatchObject({ model: "", promptTokens: 0, stream: false });
});
