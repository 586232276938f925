import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readPrompt } from "./prompt.ts";

const CHAT = "/v1/chat/completions";

function textOf(body: unknown, path = CHAT): string {
  const prompt = readPrompt(body, path);
  return prompt.kind === "text" ? prompt.pieces.join("") : `(${prompt.kind})`;
}

describe("bad input", () => {
  const cases = [
    { title: "an array", body: [], message: "not a JSON object" },
    { title: "null", body: null, message: "not a JSON object" },
    { title: "no messages", body: { messages: [] }, message: "messages must not be empty" },
    { title: "messages of null", body: { messages: null }, message: "messages must be an array" },
    { title: "a message of null", body: { messages: [null] }, message: "messages[0]" },
    { title: "a message without role", body: { messages: [{ content: "a" }] }, message: "messages[0]" },
    { title: "a number as content", body: { messages: [{ role: "user", content: 5 }] }, message: "messages[0]" },
    { title: "a number as part", body: { messages: [{ role: "user", content: [5] }] }, message: "messages[0]" },
    { title: "a system of a wrong type", body: { system: 1, messages: [{ role: "user" }] }, message: "system" },
    { title: "a prompt of null", body: { prompt: null }, message: "prompt must be" },
    { title: "an empty prompt array", body: { prompt: [] }, message: "prompt must be" },
    { title: "a prompt of texts and numbers", body: { prompt: ["a", 1] }, message: "not both" },
    { title: "a token id below 0", body: { prompt: [1, -1] }, message: "token ids" },
    { title: "a token id that is no whole number", body: { prompt: [1.5] }, message: "token ids" },
    { title: "a token id above 32 bits", body: { prompt: [2 ** 32] }, message: "token ids" },
    { title: "an item that is no object", body: { input: [{ role: "user", content: "a" }, 1] }, message: "input[1]" },
  ];
  for (const { title, body, message } of cases) {
    it(`finds fault with ${title}`, () => {
      expect(readPrompt(body, CHAT)).toMatchObject({ kind: "fault", message: expect.stringContaining(message) });
    });
  }
});

describe("the text of a chat", () => {
  it("has each message behind its role", () => {
    const messages = [
      { role: "system", content: "Be brief." },
      { role: "user", content: "Hi" },
      { role: "assistant", content: null, tool_calls: [{ id: "1" }] },
      { role: "tool", content: [{ type: "text", text: "4" }, "2"] },
    ];
    expect(textOf({ messages })).toBe(
      '<|system|>\nBe brief.\n<|user|>\nHi\n<|assistant|>\n\n[{"id":"1"}]\n<|tool|>\n42\n',
    );
  });

  it("begins with tools and a system prompt beside the messages", () => {
    const body = {
      tools: [{ name: "f" }],
      system: [{ type: "text", text: "S" }],
      messages: [{ role: "user", content: "u" }],
    };
    expect(textOf(body, "/v1/messages")).toBe('<|tools|>\n[{"name":"f"}]\n<|system|>\nS\n<|user|>\nu\n');
  });

  it("tells images apart without holding them", () => {
    const image = (url: string) => ({
      messages: [{ role: "user", content: [{ type: "image_url", image_url: { url } }] }],
    });
    const data = `data:image/png;base64,${"A".repeat(100_000)}`;
    expect(textOf(image(data))).toMatch(/^<\|user\|>\n<\|image_url:[0-9a-f]{16}\|>\n$/);
    expect(textOf(image(data))).toBe(textOf(image(data)));
    expect(textOf(image(data))).not.toBe(textOf(image(`${data}B`)));
  });

  const part = fc.oneof(
    fc.record({ type: fc.constant("text"), text: fc.string() }),
    fc.record({ type: fc.constant("image_url"), image_url: fc.webUrl() }),
  );
  const message = fc.record({
    role: fc.constantFrom("user", "assistant", "tool"),
    content: fc.oneof(fc.string(), fc.array(part), fc.constant(null)),
  });

  it("is the beginning of the text of each later turn", () => {
    const turns = fc.array(message, { minLength: 2, maxLength: 8 });
    fc.assert(
      fc.property(turns, fc.nat(), (messages, cut) => {
        const earlier = messages.slice(0, 1 + (cut % (messages.length - 1)));
        expect(textOf({ messages }).startsWith(textOf({ messages: earlier }))).toBe(true);
      }),
    );
  });
});

describe("the prompt of a completion", () => {
  const cases = [
    { title: "a text", body: { prompt: "abc" }, want: "abc" },
    { title: "an empty text", body: { prompt: "" }, want: "" },
    { title: "texts, a line each", body: { prompt: ["a", "b"] }, want: "a\nb" },
    { title: "token ids", body: { prompt: [1, 2] }, want: { kind: "tokens", tokenIds: Uint32Array.of(1, 2) } },
    {
      title: "lists of token ids",
      body: { prompt: [[1], [2]] },
      want: { kind: "tokens", tokenIds: Uint32Array.of(1, 2) },
    },
    { title: "the input of an embedding", body: { input: "abc" }, want: "abc" },
    { title: "nothing that is known", body: { images: 1 }, want: { kind: "none" } },
    {
      title: "its prompt where messages are there too",
      body: { prompt: "abc", messages: [] },
      want: "abc",
    },
    {
      title: "instructions and items of a response",
      body: {
        instructions: "I",
        input: [
          { role: "user", content: "u" },
          { type: "reasoning", id: 1 },
        ],
      },
      want: '<|system|>\nI\n<|user|>\nu\n<|reasoning|>\n{"type":"reasoning","id":1}\n',
    },
  ];
  for (const { title, body, want } of cases) {
    it(`is ${title}`, () => {
      if (typeof want === "string") expect(textOf(body, "/v1/completions?x=1")).toBe(want);
      else expect(readPrompt(body, "/v1/completions?x=1")).toEqual(want);
    });
  }
});
