import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { CompleteRequestSchema } from "@outrider/protos/picker";
import { describe, expect, it } from "vitest";
import { readCompletion } from "./read-completion.ts";

type Message = MessageInitShape<typeof CompleteRequestSchema>;

const read = (message: Message) => readCompletion(create(CompleteRequestSchema, { decisionId: "d", ...message }));

describe("a completion that makes no sense", () => {
  const cases: readonly { readonly message: Message; readonly field: string }[] = [
    { message: { decisionId: "" }, field: "decision_id" },
    { message: { cause: "evicted" }, field: "cause" },
    { message: { status: 99 }, field: "status" },
    { message: { status: 600 }, field: "status" },
    { message: { served: "10.0.0.1" }, field: "served" },
    { message: { usage: { promptTokens: 3, cachedTokens: 4 } }, field: "usage.cached_tokens" },
    { message: { ttftMs: Number.NaN }, field: "ttft_ms" },
    { message: { ttftMs: 4_294_968 }, field: "ttft_ms" },
    { message: { e2eMs: -1 }, field: "e2e_ms" },
  ];
  for (const { message, field } of cases) {
    it(`is told by its field: ${field} of ${JSON.stringify(message)}`, () => {
      expect(read(message)).toMatchObject({ kind: "fault", field });
    });
  }
});

describe("a completion", () => {
  const causes = [
    { title: "unknown where nothing is told", message: {}, want: "unknown" },
    { title: "ok where there is a status", message: { status: 404 }, want: "ok" },
    { title: "what it says", message: { status: 200, cause: "client_cancelled" }, want: "client_cancelled" },
  ];
  for (const { title, message, want } of causes) {
    it(`has a cause: ${title}`, () => expect(read(message)).toMatchObject({ kind: "completion", cause: want }));
  }

  it("has all that is told", () => {
    const usage = { promptTokens: 9, cachedTokens: 4, outputTokens: 2 };
    const told = { status: 200, served: "[fd00::1]:8000", ttftMs: 1.5, e2eMs: 20 };
    expect(read({ ...told, usage })).toEqual({ kind: "completion", cause: "ok", response: { ...told, usage } });
  });

  it("has what is not told as such", () => {
    const usage = { promptTokens: 0, cachedTokens: 0, outputTokens: 0 };
    expect(read({})).toMatchObject({ response: { status: 0, served: undefined, usage, ttftMs: 0, e2eMs: 0 } });
  });
});
