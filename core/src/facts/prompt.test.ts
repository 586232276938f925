import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { readChat } from "./chat-prompt.ts";
import { defaultParsers } from "./parsers/request-parsers.ts";
import type { Prompt } from "./prompt.ts";

const CHAT = "/v1/chat/completions";
const COMPLETIONS = "/v1/completions?x=1";

function readPrompt(body: unknown, path: string): Prompt {
  const parsed = defaultParsers.find(path)!.parse([Buffer.from(JSON.stringify(body))], path);
  return parsed.kind === "fault" ? parsed : parsed.prompt;
}

function textOf(body: unknown, path = CHAT): string {
  const prompt = readPrompt(body, path);
  if (prompt.kind === "text") return prompt.pieces.join("");
  return prompt.kind === "ascii" ? Buffer.concat(prompt.pieces).toString() : `(${prompt.kind})`;
}

describe("bad input", () => {
  const cases = [
    { title: "an array", body: [], message: "not a JSON object" },
    { title: "null", body: null, message: "not a JSON object" },
    { title: "a text", body: "messages", message: "not a JSON object" },
    { title: "no messages", body: { messages: [] }, message: "must have valid messages" },
    { title: "messages of null", body: { messages: null }, message: "must have valid messages" },
    { title: "a message of null", body: { messages: [null] }, message: "messages[0]" },
    { title: "a message without role", body: { messages: [{ content: "a" }] }, message: "messages[0]" },
    { title: "a number as content", body: { messages: [{ role: "user", content: 5 }] }, message: "messages[0]" },
    { title: "a number as part", body: { messages: [{ role: "user", content: [5] }] }, message: "messages[0]" },
    { title: "a system of a wrong type", body: { system: 1, messages: [{ role: "user" }] }, message: "system" },
    { title: "a prompt of null", path: COMPLETIONS, body: { prompt: null }, message: "must have prompt" },
    { title: "an empty prompt array", path: COMPLETIONS, body: { prompt: [] }, message: "must have prompt" },
    { title: "a prompt of texts and numbers", path: COMPLETIONS, body: { prompt: ["a", 1] }, message: "not both" },
    { title: "a prompt of numbers and texts", path: COMPLETIONS, body: { prompt: [1, "a"] }, message: "token ids" },
    { title: "a prompt of null in an array", path: COMPLETIONS, body: { prompt: [null] }, message: "token ids" },
    { title: "a prompt that is an object", path: COMPLETIONS, body: { prompt: { a: 1 } }, message: "must have prompt" },
    { title: "a token id below 0", path: COMPLETIONS, body: { prompt: [1, -1] }, message: "token ids" },
    { title: "a token id that is no whole number", path: COMPLETIONS, body: { prompt: [1.5] }, message: "token ids" },
    { title: "a token id above 32 bits", path: COMPLETIONS, body: { prompt: [2 ** 32] }, message: "token ids" },
    { title: "prompts of token ids and a number", path: COMPLETIONS, body: { prompt: [[1], 2] }, message: "token ids" },
    {
      title: "an item that is no object",
      path: "/v1/responses",
      body: { input: [{ role: "user", content: "a" }, 1] },
      message: "input[1]",
    },
    { title: "items that are no objects", path: "/v1/conversations", body: { items: ["a"] }, message: "items[0]" },
    {
      title: "texts as token ids",
      path: "/inference/v1/generate",
      body: { token_ids: ["a"] },
      message: "token_ids must hold",
    },
  ];
  for (const { title, path = CHAT, body, message } of cases) {
    it(`finds fault with ${title}`, () => {
      expect(readPrompt(body, path)).toMatchObject({ kind: "fault", message: expect.stringContaining(message) });
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
        const [all, fewer] = [readChat({ messages }), readChat({ messages: earlier })];
        if (all.kind !== "text" || fewer.kind !== "text") throw new Error("it is no text");
        expect(all.pieces.join("").startsWith(fewer.pieces.join(""))).toBe(true);
      }),
    );
  });
});

describe("the prompt", () => {
  const tokens = (...ids: readonly number[]) => ({ kind: "tokens", tokenIds: Uint32Array.from(ids) });
  const cases = [
    { title: "a text", body: { prompt: "abc" }, want: "abc" },
    { title: "texts, a line each", body: { prompt: ["a", "b"] }, want: "a\nb" },
    { title: "token ids", body: { prompt: [1, 2] }, want: tokens(1, 2) },
    { title: "lists of token ids", body: { prompt: [[1], [2]] }, want: tokens(1, 2) },
    { title: "nothing that is known", body: { prompt_embeds: "AA", prompt: "" }, want: { kind: "none" } },
    { title: "the prompt where messages are there too", body: { prompt: "abc", messages: [] }, want: "abc" },
    { title: "the input of an embedding", path: "/v1/embeddings", body: { input: ["abc"] }, want: "abc" },
    {
      title: "the chat of an embedding",
      path: "/v1/embeddings",
      body: { messages: [{ role: "user", content: "u" }] },
      want: "<|user|>\nu\n",
    },
    {
      title: "tools, instructions and items of a response",
      path: "/v1/responses",
      body: {
        instructions: "I",
        tools: [{ name: "f" }],
        input: [
          { role: "user", content: "u" },
          { type: "reasoning", id: 1 },
        ],
      },
      want: '<|tools|>\n[{"name":"f"}]\n<|system|>\nI\n<|user|>\nu\n<|reasoning|>\n{"type":"reasoning","id":1}\n',
    },
    {
      title: "instructions and the text of a response",
      path: "/v1/responses",
      body: { instructions: "I", input: "u" },
      want: "<|system|>\nI\nu",
    },
    {
      title: "the items of a conversation",
      path: "/v1/conversations",
      body: { items: [{ role: "user", content: "u" }] },
      want: "<|user|>\nu\n",
    },
    { title: "the prompt of an image", path: "/v1/images/generations", body: { prompt: "a fox" }, want: "a fox" },
    { title: "the token ids of vLLM", path: "/inference/v1/generate", body: { token_ids: [7] }, want: tokens(7) },
    { title: "nothing of what counts tokens", path: "/v1/messages/count_tokens", body: {}, want: { kind: "none" } },
    { title: "nothing of an unknown path", path: "/v2/else", body: { prompt: "a" }, want: { kind: "none" } },
  ];
  for (const { title, path = COMPLETIONS, body, want } of cases) {
    it(`is ${title}`, () => {
      if (typeof want === "string") expect(textOf(body, path)).toBe(want);
      else expect(readPrompt(body, path)).toMatchObject(want);
    });
  }
});

describe("a prompt", () => {
  const chat = (part: object) => ({ messages: [{ role: "user", content: [{ type: "text", text: "What?" }, part] }] });
  const image = { type: "image", source: { type: "base64", data: "AAAA" } };
  const inputOf = (item: object) => ({ input: [{ role: "user", content: "u" }, item] });
  const media = [
    { title: "an image", path: CHAT, body: chat({ type: "image_url", image_url: { url: "u" } }) },
    { title: "audio", path: CHAT, body: chat({ type: "input_audio", input_audio: { data: "AA" } }) },
    { title: "a video", path: CHAT, body: chat({ type: "video_url", video_url: { url: "u" }, text: "of a fox" }) },
    { title: "an image of Anthropic", path: "/v1/messages", body: chat(image) },
    { title: "a document", path: "/v1/messages", body: chat({ type: "document", source: {} }) },
    {
      title: "an image that a tool gave",
      path: "/v1/messages",
      body: chat({ type: "tool_result", tool_use_id: "1", content: [image] }),
    },
    {
      title: "an image of a response",
      path: "/v1/responses",
      body: inputOf({ role: "user", content: [{ type: "input_image", image_url: "u" }] }),
    },
    {
      title: "an image that a function gave",
      path: "/v1/responses",
      body: inputOf({ type: "function_call_output", call_id: "1", output: [{ type: "input_image", image_url: "u" }] }),
    },
    {
      title: "features",
      path: "/inference/v1/generate",
      body: { token_ids: [1], features: { mm_hashes: { image: ["a"] } } },
    },
  ];
  for (const { title, path, body } of media) {
    it(`is multimodal with ${title}`, () => expect(readPrompt(body, path)).toMatchObject({ isMultimodal: true }));
  }

  const texts = [
    { title: "text alone", path: CHAT, body: chat({ type: "text", text: '"image_url"' }) },
    { title: "a tool call", path: "/v1/messages", body: chat({ type: "tool_use", id: "1", input: { type: "image" } }) },
    { title: "a tool that gave text", path: "/v1/messages", body: chat({ type: "tool_result", content: "image" }) },
    { title: "features that are empty", path: "/inference/v1/generate", body: { token_ids: [1], features: {} } },
    {
      title: "features of no modality",
      path: "/inference/v1/generate",
      body: { token_ids: [1], features: { mm_hashes: { image: [] }, mm_placeholders: null } },
    },
  ];
  for (const { title, path, body } of texts) {
    it(`is not multimodal with ${title}`, () =>
      expect((readPrompt(body, path) as { isMultimodal?: boolean }).isMultimodal).toBe(false));
  }
});
