import { hashBytes } from "../hash/index.ts";

/** The prompt of a request, as far as its form is known. */
export type Prompt =
  /** Its text is the pieces one behind the other, which are joined only where somebody reads it as one. */
  | { readonly kind: "text"; readonly pieces: readonly string[] }
  /** Text too, as it stands in the body. */
  | { readonly kind: "ascii"; readonly pieces: readonly Uint8Array[] }
  | { readonly kind: "tokens"; readonly tokenIds: Uint32Array }
  /** The body has no prompt where its API has one. */
  | { readonly kind: "none" }
  | { readonly kind: "fault"; readonly message: string };

/** As {@link readPrompt}, of a body in chunks; a byte order mark is skipped, what cannot be parsed a fault. */
export function parsePrompt(chunks: readonly Uint8Array[], path: string): Prompt {
  const bytes = chunks.length === 1 ? chunks[0] : Buffer.concat(chunks);
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8");
  try {
    return readPrompt(JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text), path);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    return fault(`request body cannot be read: ${why}`);
  }
}

/**
 * Reads the prompt of a parsed body. Chat is rendered message by message, each as `<|role|>`, a new line, its content,
 * a new line, with `tools` and `system` before the messages: the text of a conversation's next turn begins with the text
 * of this one. Of what is no text, such as images and tool calls, a hash or the JSON stands for it.
 * @param body value of the JSON body.
 * @param path path of the request; picks the field where a body has several: `prompt` for paths that end in
 *   `/completions`, `messages` for chat.
 */
export function readPrompt(body: unknown, path: string): Prompt {
  if (!isRecord(body)) return fault("request body is not a JSON object");
  if (body.messages !== undefined && !(body.prompt !== undefined && readsPrompt(true, path))) return readChat(body);
  if (body.prompt !== undefined) return readInput(body.prompt, "prompt");
  return body.input === undefined ? { kind: "none" } : readInput(body.input, "input", body.instructions);
}

/** Whether the `prompt` of a body that has one counts, where it may have `messages` too. */
export function readsPrompt(hasMessages: boolean, path: string): boolean {
  return !hasMessages || /(?<!\/chat)\/completions(?:$|\?)/.test(path);
}

function readChat({ messages, system, tools }: Record<string, unknown>): Prompt {
  if (!Array.isArray(messages)) return fault("messages must be an array");
  if (messages.length === 0) return fault("messages must not be empty");
  const pieces = isFilled(tools) ? render("tools", JSON.stringify(tools)) : [];
  const introduction = toText(system);
  if (introduction === undefined) return fault("system must be a string or an array of parts");
  if (introduction !== "") pieces.push(...render("system", introduction));
  for (const [i, message] of messages.entries()) {
    const rendered = renderMessage(message);
    if (rendered === undefined) return fault(`messages[${i}] must have a role, and as content text or parts`);
    pieces.push(...rendered);
  }
  return { kind: "text", pieces };
}

/** A prompt, several of them, or the items of a conversation. */
function readInput(input: unknown, field: string, instructions?: unknown): Prompt {
  if (typeof input === "string") return { kind: "text", pieces: [...introduce(instructions), input] };
  if (!Array.isArray(input) || input.length === 0)
    return fault(`${field} must be a string or an array that is not empty`);
  if (typeof input[0] === "string") {
    return input.every((text) => typeof text === "string")
      ? { kind: "text", pieces: input.flatMap((text, i) => (i === 0 ? [text] : ["\n", text])) }
      : fault(`${field} must hold strings or token ids, not both`);
  }
  if (isRecord(input[0])) return readItems(input, field, instructions);
  const tokenIds = toTokenIds(input);
  return tokenIds === undefined ? fault(`${field} must hold strings or token ids`) : { kind: "tokens", tokenIds };
}

function readItems(items: readonly unknown[], field: string, instructions: unknown): Prompt {
  const pieces = introduce(instructions);
  for (const [i, item] of items.entries()) {
    if (!isRecord(item)) return fault(`${field}[${i}] must be an object`);
    pieces.push(...(renderMessage(item) ?? render(String(item.type), JSON.stringify(item))));
  }
  return { kind: "text", pieces };
}

function introduce(instructions: unknown): string[] {
  return typeof instructions === "string" && instructions !== "" ? render("system", instructions) : [];
}

function renderMessage(message: unknown): string[] | undefined {
  if (!isRecord(message) || typeof message.role !== "string") return undefined;
  const content = toText(message.content);
  if (content === undefined) return undefined;
  const rendered = render(message.role, content);
  return isFilled(message.tool_calls) ? [...rendered, `${JSON.stringify(message.tool_calls)}\n`] : rendered;
}

function render(role: string, content: string): string[] {
  return [`<|${role}|>\n`, content, "\n"];
}

/** Text of a content; `undefined` where it is neither text nor parts. */
function toText(content: unknown): string | undefined {
  if (typeof content === "string") return content;
  if (content === undefined || content === null) return "";
  if (!Array.isArray(content)) return undefined;
  let text = "";
  for (const part of content) {
    if (typeof part === "string") text += part;
    else if (!isRecord(part)) return undefined;
    else text += typeof part.text === "string" ? part.text : toPlaceholder(part);
  }
  return text;
}

/** Stands for what is no text, the same for the same image, audio or file only. */
function toPlaceholder(part: Record<string, unknown>): string {
  const { low, high } = hashBytes(Buffer.from(JSON.stringify(part)));
  return `<|${String(part.type)}:${toHex(high)}${toHex(low)}|>`;
}

function toHex(word: number): string {
  return word.toString(16).padStart(8, "0");
}

/** Token ids of one prompt, or of several behind one another; `undefined` where something is no token id. */
function toTokenIds(input: readonly unknown[]): Uint32Array | undefined {
  const ids = Array.isArray(input[0]) ? input.flat() : input;
  const tokenIds = new Uint32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id: unknown = ids[i];
    if (typeof id !== "number" || id >>> 0 !== id) return undefined;
    tokenIds[i] = id;
  }
  return tokenIds;
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fault(message: string): Prompt {
  return { kind: "fault", message };
}
