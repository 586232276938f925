import { describe, expect, it } from "vitest";
import { isFault, parseInferenceRequest } from "./request-body.ts";

const turn = { role: "user", content: "hi" };

describe("parseInferenceRequest refuses", () => {
  const wrong: { title: string; api?: "completions"; body: unknown; message: RegExp }[] = [
    { title: "what is no JSON", body: "{", message: /no JSON object/ },
    { title: "an array", body: "[]", message: /no JSON object/ },
    { title: "null", body: "null", message: /no JSON object/ },
    { title: "a chat without messages", body: {}, message: /messages must not be empty/ },
    { title: "an empty chat", body: { messages: [] }, message: /messages must not be empty/ },
    { title: "a message that is a string", body: { messages: ["hi"] }, message: /no role/ },
    { title: "a message without role", body: { messages: [{ content: "hi" }] }, message: /no role/ },
    { title: "a model that is a number", body: { messages: [turn], model: 7 }, message: /model must be a string/ },
    { title: "no output", body: { messages: [turn], max_tokens: 0 }, message: /at least 1, got 0/ },
    { title: "half a token", body: { messages: [turn], max_completion_tokens: 1.5 }, message: /at least 1, got 1.5/ },
    { title: "a stream that is a string", body: { messages: [turn], stream: "yes" }, message: /stream must be/ },
    { title: "a salt that is an object", body: { messages: [turn], cache_salt: {} }, message: /cache_salt must be/ },
    { title: "no prompt", api: "completions", body: {}, message: /prompt must not be empty/ },
    { title: "an empty prompt", api: "completions", body: { prompt: "" }, message: /prompt must not be empty/ },
    { title: "an empty list", api: "completions", body: { prompt: [] }, message: /prompt must not be empty/ },
    { title: "two prompts", api: "completions", body: { prompt: ["a", "b"] }, message: /one prompt a request/ },
    { title: "a prompt of null", api: "completions", body: { prompt: [null] }, message: /prompt must not be empty/ },
  ];
  for (const { title, api = "chat", body, message } of wrong) {
    it(title, () => {
      const fault = parse(api, body);
      if (!isFault(fault)) throw new Error("taken");
      expect(fault).toMatchObject({ code: 400, type: "BadRequestError", message: expect.stringMatching(message) });
    });
  }
});

describe("parseInferenceRequest reads", () => {
  const right: { title: string; api?: "completions"; body: object; want: object }[] = [
    {
      title: "a chat, by Qwen's template",
      body: { messages: [{ role: "system", content: "be kind" }, turn] },
      want: {
        prompt: "<|im_start|>system\nbe kind<|im_end|>\n<|im_start|>user\nhi<|im_end|>\n<|im_start|>assistant\n",
        stream: false,
        includeUsage: false,
        model: undefined,
        maxTokens: undefined,
      },
    },
    {
      title: "content in parts",
      body: {
        messages: [
          {
            role: "user",
            content: [
              { type: "text", text: "a" },
              { type: "text", text: "b" },
            ],
          },
        ],
      },
      want: { prompt: "<|im_start|>user\nab<|im_end|>\n<|im_start|>assistant\n" },
    },
    {
      title: "limits and stream options",
      body: { messages: [turn], max_tokens: 9, stream: true, stream_options: { include_usage: true }, model: "m" },
      want: { maxTokens: 9, stream: true, includeUsage: true, model: "m" },
    },
    {
      title: "max_completion_tokens before max_tokens",
      body: { messages: [turn], max_tokens: 9, max_completion_tokens: 5 },
      want: { maxTokens: 5 },
    },
    { title: "a prompt", api: "completions", body: { prompt: "hi" }, want: { prompt: "hi" } },
    { title: "a list of one prompt", api: "completions", body: { prompt: ["hi"] }, want: { prompt: "hi" } },
    { title: "token ids", api: "completions", body: { prompt: [1, 2] }, want: { prompt: Int32Array.from([1, 2]) } },
    {
      title: "token ids in a list",
      api: "completions",
      body: { prompt: [[1]] },
      want: { prompt: Int32Array.from([1]) },
    },
  ];
  for (const { title, api = "chat", body, want } of right) {
    it(title, () => expect(parse(api, body)).toMatchObject(want));
  }
});

function parse(api: "chat" | "completions", body: unknown) {
  return parseInferenceRequest(api, Buffer.from(typeof body === "string" ? body : JSON.stringify(body)));
}
