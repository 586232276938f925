import { defineShape } from "../body-shape.ts";
import { readTokens } from "../input-prompt.ts";
import type { RequestParser } from "../parser.ts";
import { type BodyMembers, isRecord, type Prompt } from "../prompt.ts";
import { createApiParser, type RequestApi } from "./api-parser.ts";

const generate: RequestApi = {
  suffix: "inference/v1/generate",
  namesModel: true,
  observesResponse: true,
  shape: defineShape({
    required: { token_ids: "list" },
    refusal: "invalid generate request: must have non-empty token_ids field",
    outputCaps: [],
    samplingCap: "max_tokens",
  }),
  readPrompt: readGenerate,
};

/** Reads the requests of vLLM's API for prompts that are tokens already. */
export function createVllmhttpParser(): RequestParser {
  return createApiParser({ type: "vllmhttp-parser", apis: [generate], otherwise: generate });
}

function readGenerate({ token_ids, features }: BodyMembers): Prompt {
  const prompt = readTokens(token_ids, "token_ids");
  return prompt.kind === "tokens" ? { ...prompt, isMultimodal: hasFeatures(features) } : prompt;
}

/** Whether there is a hash of an image or the like, by modality, or its data. */
function hasFeatures(features: unknown): boolean {
  if (!isRecord(features)) return false;
  return Object.values(features).some(
    (byModality) =>
      isRecord(byModality) && Object.values(byModality).some((items) => Array.isArray(items) && items.length > 0),
  );
}
