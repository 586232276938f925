import { isMembers, type Members, readTransfer, type Transfer } from "./stages/transfer.ts";

/** An inference request as a client sent it. */
export interface InferenceRequest {
  /** Which of the two APIs it came by. */
  readonly api: "chat" | "completions";
  /** Model or adapter asked for; undefined: the server's own. */
  readonly model: string | undefined;
  /** What the model reads: text, or token ids. */
  readonly prompt: string | Int32Array;
  /** Most tokens to generate; undefined: as many as the model likes. */
  readonly maxTokens: number | undefined;
  /** Whether the answer is streamed. */
  readonly stream: boolean;
  /** Whether the stream ends with a chunk of usage. */
  readonly includeUsage: boolean;
  /** Keeps the prefix cache of tenants apart. */
  readonly cacheSalt: string;
  /** What other servers do or have done of it. */
  readonly transfer: Transfer;
}

/** What is wrong with a request, in vLLM's form: the answer's status is `code`. */
export interface RequestFault {
  /** For the client's eyes. */
  readonly message: string;
  /** Name of the class of faults. */
  readonly type: "BadRequestError" | "NotFoundError" | "InternalServerError";
  /** Name of the member at fault. */
  readonly param: string | null;
  /** HTTP status. */
  readonly code: number;
}

/** Types a request body, or says what is wrong with it. */
export function parseInferenceRequest(api: InferenceRequest["api"], body: Buffer): InferenceRequest | RequestFault {
  const members = parseObject(body);
  if (members === undefined) return badRequest("the body is no JSON object", null);
  const { model, stream = false, stream_options: streamOptions, cache_salt: cacheSalt = "" } = members;
  if (model !== undefined && typeof model !== "string") return badRequest("model must be a string", "model");
  if (typeof stream !== "boolean") return badRequest("stream must be a boolean", "stream");
  if (typeof cacheSalt !== "string") return badRequest("cache_salt must be a string", "cache_salt");
  const maxTokens = members.max_completion_tokens ?? members.max_tokens ?? undefined;
  if (maxTokens !== undefined && !isCount(maxTokens)) {
    return badRequest(`max_tokens must be at least 1, got ${JSON.stringify(maxTokens)}`, "max_tokens");
  }
  const prompt = api === "chat" ? renderChat(members) : readPrompt(members.prompt);
  if (isFault(prompt)) return prompt;
  const includeUsage = isMembers(streamOptions) && streamOptions.include_usage === true;
  return { api, model, prompt, maxTokens, stream, includeUsage, cacheSalt, transfer: readTransfer(members) };
}

/** Tells a fault from what was asked for. */
export function isFault(value: object | string): value is RequestFault {
  return typeof value === "object" && "code" in value;
}

/** A fault of status 400. */
export function badRequest(message: string, param: string | null): RequestFault {
  return { message, type: "BadRequestError", param, code: 400 };
}

function parseObject(body: Buffer): Members | undefined {
  try {
    const value: unknown = JSON.parse(body.toString("utf8"));
    return isMembers(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** A conversation in the form of Qwen's chat template: each turn is prefix of the next. */
function renderChat({ messages, tools }: Members): string | RequestFault {
  if (!Array.isArray(messages) || messages.length === 0) return badRequest("messages must not be empty", "messages");
  let text = tools === undefined || tools === null ? "" : `<|im_start|>tools\n${JSON.stringify(tools)}<|im_end|>\n`;
  for (const message of messages) {
    if (!isMembers(message) || typeof message.role !== "string") return badRequest("a message has no role", "messages");
    text += `<|im_start|>${message.role}\n${renderContent(message.content)}<|im_end|>\n`;
  }
  return `${text}<|im_start|>assistant\n`;
}

function renderContent(content: unknown): string {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return content === undefined || content === null ? "" : JSON.stringify(content);
  return content
    .map((part) => (isMembers(part) && typeof part.text === "string" ? part.text : JSON.stringify(part)))
    .join("");
}

function readPrompt(prompt: unknown): string | Int32Array | RequestFault {
  if (typeof prompt === "string") return prompt === "" ? badRequest("prompt must not be empty", "prompt") : prompt;
  if (!Array.isArray(prompt) || prompt.length === 0) return badRequest("prompt must not be empty", "prompt");
  if (prompt.every((id) => Number.isInteger(id))) return Int32Array.from(prompt);
  if (prompt.length > 1) return badRequest("the fleet models one prompt a request", "prompt");
  return readPrompt(prompt[0]);
}

function isCount(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 1;
}
