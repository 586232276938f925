import {
  createAnthropicParser,
  createOpenaiParser,
  createPassthroughParser,
  createSglanghttpParser,
  createVllmhttpParser,
  type RequestParser,
} from "@outrider/core";
import { z } from "zod";
import { definePolicy, type PolicyType } from "./policy-type.ts";

/** Types that read requests, one an API. */
export const parserTypes: readonly PolicyType[] = [
  defineParser(
    createOpenaiParser,
    "Reads chat and text completions, embeddings, responses, conversations and image generations of the OpenAI API.",
  ),
  defineParser(createAnthropicParser, "Reads messages of the Anthropic API; what counts tokens goes on as it came."),
  defineParser(createVllmhttpParser, "Reads vLLM's inference/v1/generate, whose prompts are token ids."),
  defineParser(
    createSglanghttpParser,
    "Reads SGLang's generate, whose prompts are token ids or a text; only where the configuration names it.",
  ),
  defineParser(
    createPassthroughParser,
    "Takes requests of every path and form as they are: no model, no tokens, nothing rewritten, no parser behind it.",
  ),
];

/** A parser's type. Whatever is written as its parameters is ignored, as the reference EPP does. */
function defineParser(parser: () => RequestParser, about: string): PolicyType {
  const { type } = parser();
  return definePolicy({ type, about, parameters: z.unknown(), parser });
}
