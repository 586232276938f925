import { defineShape } from "../body-shape.ts";
import { readInput, readTokens } from "../input-prompt.ts";
import type { RequestParser } from "../parser.ts";
import { type BodyMembers, noPrompt, type Prompt } from "../prompt.ts";
import { createApiParser, type RequestApi } from "./api-parser.ts";

const generate: RequestApi = {
  suffix: "generate",
  namesModel: false,
  observesResponse: true,
  shape: defineShape({
    required: { input_ids: "list", text: "text or list", input_embeds: "list" },
    refusal: "invalid generate request: input_ids or text must be provided",
    outputCaps: [],
    samplingCap: "max_new_tokens",
    cacheSalt: "extra_key",
  }),
  readPrompt: readGenerate,
};

/** Reads the requests of SGLang's own API, which names no model. */
export function createSglanghttpParser(): RequestParser {
  return createApiParser({
    type: "sglanghttp-parser",
    apis: [generate],
    otherwise: generate,
    usageMember: "meta_info",
  });
}

const mediaMembers = ["image_data", "audio_data", "video_data"] as const;

function readGenerate(body: BodyMembers): Prompt {
  const prompt = readSource(body);
  const isMultimodal = mediaMembers.some((member) => body[member] !== undefined && body[member] !== null);
  return prompt.kind === "text" || prompt.kind === "tokens" ? { ...prompt, isMultimodal } : prompt;
}

function readSource({ input_ids, text }: BodyMembers): Prompt {
  if (Array.isArray(input_ids) && input_ids.length > 0) return readTokens(input_ids, "input_ids");
  return text === undefined || text === null || text === "" ? noPrompt : readInput(text, "text");
}
