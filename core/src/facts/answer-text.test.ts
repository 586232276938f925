import { describe, expect, it } from "vitest";
import { type AnswerForm, readAnswerText } from "./answer-text.ts";

const choice = (...choices: readonly unknown[]) => ({ id: "c", choices });
const said = (message: object, more: object = {}) => choice({ index: 0, message, ...more });
const delta = (part: object) => choice({ index: 0, delta: part, finish_reason: null });
const block = (part: unknown) => ({ type: "content_block_delta", index: 0, delta: part });

describe("nothing is learned of an answer with", () => {
  const cases: readonly { title: string; form: AnswerForm; json: unknown }[] = [
    { title: "null in its place", form: "chat", json: null },
    { title: "a list in its place", form: "chat", json: [said({ content: "a" })] },
    { title: "an error", form: "chat", json: { error: { message: "no" } } },
    { title: "choices that are no list", form: "chat", json: { choices: { "0": { message: { content: "a" } } } } },
    { title: "a choice that is null", form: "chat", json: choice(null) },
    { title: "a message that is a text", form: "chat", json: choice({ index: 0, message: "a" }) },
    { title: "content that is a number", form: "chat", json: said({ content: 5 }) },
    { title: "content in parts", form: "chat", json: said({ content: [{ type: "text", text: "a" }] }) },
    { title: "two choices", form: "chat", json: choice({ message: { content: "a" } }, { message: { content: "b" } }) },
    { title: "another choice than the first", form: "chat", json: choice({ index: 1, delta: { content: "a" } }) },
    { title: "an index that is a text", form: "chat", json: choice({ index: "0", delta: { content: "a" } }) },
    { title: "another role", form: "chat", json: said({ role: "tool", content: "a" }) },
    { title: "tool calls", form: "chat", json: said({ content: "a", tool_calls: [{ id: "1" }] }) },
    { title: "the beginning of a tool call", form: "chat", json: delta({ tool_calls: [{ index: 0 }] }) },
    { title: "a function call", form: "chat", json: said({ content: null, function_call: { name: "f" } }) },
    { title: "reasoning", form: "chat", json: said({ content: "a", reasoning_content: "because" }) },
    { title: "a piece of reasoning", form: "chat", json: delta({ reasoning: "be" }) },
    { title: "a refusal", form: "chat", json: said({ content: null, refusal: "no" }) },
    { title: "sound", form: "chat", json: said({ content: "a", audio: { id: "x" } }) },
    { title: "a second text", form: "completion", json: choice({ text: "a" }, { text: "b" }) },
    { title: "a text that is none", form: "completion", json: choice({ text: ["a"] }) },
    { title: "no type", form: "messages", json: { content: [{ type: "text", text: "a" }] } },
    { title: "an error of messages", form: "messages", json: { type: "error", error: {} } },
    { title: "content that is no list", form: "messages", json: { type: "message", content: "a" } },
    { title: "a use of a tool", form: "messages", json: { type: "message", content: [{ type: "tool_use" }] } },
    { title: "thinking", form: "messages", json: { type: "content_block_start", content_block: { type: "thinking" } } },
    { title: "a piece of thinking", form: "messages", json: block({ type: "thinking_delta", thinking: "a" }) },
    {
      title: "a piece of a tool's input",
      form: "messages",
      json: block({ type: "input_json_delta", partial_json: "" }),
    },
    { title: "a piece that is none", form: "messages", json: block(null) },
  ];
  for (const { title, form, json } of cases) {
    it(title, () => expect(readAnswerText(form, json)).toBeUndefined());
  }
});

describe("an answer's text is that of", () => {
  const cases: readonly { title: string; form: AnswerForm; json: unknown; want: string }[] = [
    { title: "a message", form: "chat", json: said({ role: "assistant", content: "a" }), want: "a" },
    {
      title: "a message with all that it does not say",
      form: "chat",
      json: said({ content: "a", tool_calls: [], function_call: null, reasoning_content: null, refusal: "" }),
      want: "a",
    },
    { title: "a delta", form: "chat", json: delta({ content: " b" }), want: " b" },
    { title: "a delta that only opens", form: "chat", json: delta({ role: "assistant", content: null }), want: "" },
    { title: "a delta that only ends", form: "chat", json: choice({ index: 0, finish_reason: "stop" }), want: "" },
    { title: "no choice, beside usage", form: "chat", json: { choices: [], usage: {} }, want: "" },
    { title: "a completion", form: "completion", json: choice({ index: 0, text: "a" }), want: "a" },
    {
      title: "a message's blocks",
      form: "messages",
      json: { type: "message", content: ["a", "b"].map((text) => ({ type: "text", text })) },
      want: "ab",
    },
    { title: "a piece of a block", form: "messages", json: block({ type: "text_delta", text: "a" }), want: "a" },
    { title: "an event that opens", form: "messages", json: { type: "message_start", message: {} }, want: "" },
  ];
  for (const { title, form, json, want } of cases) {
    it(title, () => expect(readAnswerText(form, json)).toBe(want));
  }
});
