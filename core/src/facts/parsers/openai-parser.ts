import { defineShape } from "../body-shape.ts";
import { readChat, readItems } from "../chat-prompt.ts";
import { readInput } from "../input-prompt.ts";
import type { RequestParser } from "../parser.ts";
import { createApiParser, type RequestApi } from "./api-parser.ts";

const named = { namesModel: true, observesResponse: true };

const chat: RequestApi = {
  ...named,
  suffix: "chat/completions",
  answerForm: "chat",
  shape: defineShape({
    required: { messages: "list" },
    refusal: "invalid chat completions request: must have valid messages field",
  }),
  readPrompt: readChat,
};

/** vLLM takes embeddings of the prompt in its place. */
const completions: RequestApi = {
  ...named,
  suffix: "completions",
  answerForm: "completion",
  shape: defineShape({
    required: { prompt: "text or list", prompt_embeds: "text or list" },
    refusal: "invalid completions request: must have prompt field",
    textMember: "prompt",
  }),
  readPrompt: ({ prompt }) => readInput(prompt, "prompt"),
};

/** vLLM embeds chats too. */
const embeddings: RequestApi = {
  ...named,
  suffix: "embeddings",
  shape: defineShape({
    required: { input: "text or list", messages: "list" },
    refusal: "invalid embeddings request: must have input field",
    textMember: "input",
  }),
  readPrompt(body) {
    const prompt = readInput(body.input, "input");
    return prompt.kind === "none" ? readChat(body) : prompt;
  },
};

const responses: RequestApi = {
  ...named,
  suffix: "responses",
  shape: defineShape({
    required: { input: "anything" },
    refusal: "invalid responses request: must have input field",
  }),
  readPrompt: (body) => readInput(body.input, "input", body),
};

const conversations: RequestApi = {
  ...named,
  suffix: "conversations",
  shape: defineShape({
    required: { items: "list" },
    refusal: "invalid conversations request: must have items field",
  }),
  readPrompt: ({ items }) => readItems(Array.isArray(items) ? items : [], "items", {}),
};

const images: RequestApi = {
  ...named,
  suffix: "images/generations",
  shape: defineShape({
    required: { prompt: "text" },
    refusal: "invalid images generations request: must have prompt field",
    textMember: "prompt",
  }),
  readPrompt: ({ prompt }) => readInput(prompt, "prompt"),
};

/** What a model server would make of a request, which it answers with: nothing is generated. */
function renderOf(api: RequestApi): RequestApi {
  const { answerForm: _none, ...rest } = api;
  return { ...rest, suffix: `${api.suffix}/render`, observesResponse: false };
}

/** Reads the requests of the OpenAI APIs; a path that it does not know counts as completions. */
export function createOpenaiParser(): RequestParser {
  return createApiParser({
    type: "openai-parser",
    apis: [chat, completions, embeddings, responses, conversations, images, renderOf(chat), renderOf(completions)],
    otherwise: completions,
  });
}
