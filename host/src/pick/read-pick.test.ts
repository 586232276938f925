import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { PickRequestSchema } from "@outrider/protos/picker";
import { describe, expect, it } from "vitest";
import { defaultDoorLimits } from "../doors/limits.ts";
import { IncomingPick } from "./incoming-pick.ts";
import { readPick } from "./read-pick.ts";

type Message = MessageInitShape<typeof PickRequestSchema>;

const limits = { ...defaultDoorLimits, maxBodyBytes: 100, maxHeaderBytes: 50 };
const read = (message: Message) => readPick(create(PickRequestSchema, message), limits);
const facts = (value: object): Message => ({ model: "m", content: { case: "facts", value } });
const body = (text: string): NonNullable<Message["content"]> => ({ case: "body", value: Buffer.from(text) });

function accepted(message: Message): IncomingPick {
  const request = read(message);
  expect(request).toBeInstanceOf(IncomingPick);
  return request as IncomingPick;
}

describe("a call that makes no sense", () => {
  const cases: readonly { readonly message: Message; readonly field: string }[] = [
    { message: { method: "GET /" }, field: "method" },
    { message: { path: "v1/models" }, field: "path" },
    { message: { path: "/a b" }, field: "path" },
    { message: { headers: [{ name: "a", value: "1" }, { value: "2" }] }, field: "headers[1].name" },
    { message: { headers: [{ name: ":path", value: "/" }] }, field: "headers[0].name" },
    { message: { headers: [{ name: "a", value: "1\r\nb: 2" }] }, field: "headers[0].value" },
    {
      message: { subset: { endpoints: ["10.0.0.1", "fd00::1", "[fd00::1]:8000", "pod-1"] } },
      field: "subset.endpoints[3]",
    },
    { message: { subset: { endpoints: ["10.0.0.1:99999"] } }, field: "subset.endpoints[0]" },
    { message: { content: { case: "facts", value: { stream: true } } }, field: "model" },
    { message: { model: "other", content: body('{"model":"m"}') }, field: "model" },
    { message: facts({ promptText: "x", tokenIds: [1] }), field: "facts.token_ids" },
  ];
  for (const { message, field } of cases) {
    it(`is told by its field: ${field} of ${JSON.stringify(message)}`, () => {
      expect(read(message)).toMatchObject({ kind: "fault", field });
    });
  }
});

describe("a request above the limits", () => {
  const cases: readonly { readonly title: string; readonly message: Message; readonly status: number }[] = [
    { title: "headers", message: { headers: [{ name: "a".repeat(20), value: "b".repeat(31) }] }, status: 431 },
    { title: "body", message: { content: { case: "body", value: new Uint8Array(101) } }, status: 413 },
    { title: "prompt text", message: facts({ promptText: "€".repeat(34) }), status: 413 },
    { title: "token ids", message: facts({ tokenIds: Array.from({ length: 26 }, () => 1) }), status: 413 },
  ];
  for (const { title, message, status } of cases) {
    it(`is refused for its ${title} with ${status}`, () =>
      expect(read(message)).toMatchObject({ kind: "refused", status }));
  }
});

describe("a request", () => {
  it("has the path of chat unless told otherwise", () => {
    expect(accepted({})).toMatchObject({
      path: "/v1/chat/completions",
      body: undefined,
      given: undefined,
    });
    expect(accepted({ method: "GET", path: "/v1/models?x=%20" })).toMatchObject({
      path: "/v1/models?x=%20",
    });
  });

  it("has headers in any case, the last one where repeated", () => {
    const headers = [
      ["X-A", "1"],
      ["x-b", "ü"],
      ["x-a", "2"],
    ].map(([name = "", value = ""]) => ({ name, value }));
    const request = accepted({ headers });
    expect(["x-a", "x-b", "x-c"].map((name) => request.header(name))).toEqual(["2", "ü", undefined]);
  });

  it("tells no subset from an empty one", () => {
    expect([accepted({}).subset, accepted({ subset: {} }).subset]).toEqual([undefined, []]);
    expect(accepted({ subset: { endpoints: ["fd00::1", "10.0.0.1:80"] } }).subset).toEqual(["fd00::1", "10.0.0.1:80"]);
  });

  it("has its body as it came, also one that nobody can read, beside the model it names", () => {
    expect(accepted({ content: body("{") }).body).toEqual([Buffer.from("{")]);
    expect(accepted({ model: "m", content: body("{") }).body).toEqual([Buffer.from("{")]);
    expect(accepted({ model: "m", content: body('{"model":"m"}') })).toMatchObject({ given: undefined });
  });

  it("has facts in the place of a body", () => {
    const told = { stream: true, maxOutputTokens: 5, promptTokens: 3, cacheSalt: "c", sessionKey: "s" };
    expect(accepted(facts({ ...told, promptText: "hi" })).given).toEqual({
      model: "m",
      ...told,
      prompt: { kind: "text", pieces: ["hi"] },
    });
    expect(accepted(facts({ tokenIds: [7, 8] })).given?.prompt).toEqual({
      kind: "tokens",
      tokenIds: Uint32Array.of(7, 8),
    });
  });

  it("of a model alone has that as its only fact", () => {
    expect(accepted({ model: "m" })).toMatchObject({
      body: undefined,
      given: { model: "m", prompt: { kind: "none" } },
    });
  });
});
