import { defineShape } from "../body-shape.ts";
import { readChat } from "../chat-prompt.ts";
import type { RequestParser } from "../parser.ts";
import { createApiParser, opaqueApi, type RequestApi } from "./api-parser.ts";

const messages: RequestApi = {
  suffix: "messages",
  namesModel: true,
  observesResponse: true,
  answerForm: "messages",
  shape: defineShape({
    required: { messages: "list" },
    refusal: "invalid messages request: must have at least one message",
    outputCaps: ["max_tokens"],
  }),
  readPrompt: readChat,
};

/** Reads the requests of the Anthropic API; those that count tokens go on as they came, whatever they are. */
export function createAnthropicParser(): RequestParser {
  return createApiParser({
    type: "anthropic-parser",
    apis: [messages, opaqueApi("messages/count_tokens")],
    otherwise: messages,
  });
}
