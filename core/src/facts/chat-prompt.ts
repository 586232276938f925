import { hashBytes } from "../hash/index.ts";
import { type BodyMembers, isRecord, noPrompt, type Prompt, promptFault } from "./prompt.ts";

/**
 * The prompt of a chat, rendered message by message, each as `<|role|>`, a new line, its content, a new line, with
 * `tools` and `system` before the messages: the text of a conversation's next turn begins with the text of this one. Of
 * what is no text, such as images and tool calls, a hash or the JSON stands for it.
 */
export function readChat({ messages, system, tools }: BodyMembers): Prompt {
  if (!Array.isArray(messages) || messages.length === 0) return noPrompt;
  const text = new PromptText();
  text.addTools(tools);
  if (!text.addSystem(system)) return promptFault("system must be a string or an array of parts");
  for (const [i, message] of messages.entries()) {
    if (!text.addMessage(message)) return promptFault(`messages[${i}] must have a role, and as content text or parts`);
  }
  const prompt = text.toPrompt();
  return text.lastRole === assistant ? { ...prompt, endsInAnswer: true } : prompt;
}

/** What comes before the input of a body, where its API has such. */
export interface Preamble {
  readonly tools?: unknown;
  readonly instructions?: unknown;
}

/** The prompt of a list of items, such as messages, tool calls and their outputs. */
export function readItems(items: readonly unknown[], member: string, preamble: Preamble): Prompt {
  const text = beginText(preamble);
  for (const [i, item] of items.entries()) {
    if (!isRecord(item)) return promptFault(`${member}[${i}] must be an object`);
    if (!text.addMessage(item)) text.addItem(item);
  }
  return text.toPrompt();
}

/** A text that begins with what comes before the input. */
export function beginText({ tools, instructions }: Preamble): PromptText {
  const text = new PromptText();
  text.addTools(tools);
  text.addSystem(instructions);
  return text;
}

const assistant = "assistant";

/** What stands before and behind an answer where the prompt of a chat's next turn goes on behind that of this one. */
export const chatAnswerFrame = { opener: `<|${assistant}|>\n`, closer: "\n" } as const;

type TextPrompt = Extract<Prompt, { kind: "text" }>;

/** Writes a rendered prompt. */
export class PromptText {
  /** Who said what was added last; empty = nobody. */
  lastRole = "";
  readonly #pieces: string[] = [];
  #isMultimodal = false;
  /** Whether the new line behind what was added last is still to come, with what opens the next. */
  #isEndOpen = false;

  /** Adds something that somebody says. */
  add(role: string, content: string): void {
    this.#pieces.push(this.#isEndOpen ? (openers.get(role) ?? `\n<|${role}|>\n`) : `<|${role}|>\n`, content);
    this.#isEndOpen = true;
    this.lastRole = role;
  }

  /** Adds a text as it is. */
  addPlain(text: string): void {
    this.#endLine();
    this.#pieces.push(text);
  }

  /** Adds the tools that the model may call, where there are some. */
  addTools(tools: unknown): void {
    if (isFilled(tools)) this.add("tools", JSON.stringify(tools));
  }

  /** Adds what the system says, where it says something. False where that is neither text nor parts. */
  addSystem(system: unknown): boolean {
    const content = this.#toText(system);
    if (content === undefined) return false;
    if (content !== "") this.add("system", content);
    return true;
  }

  /** Adds a message. False where it is none. */
  addMessage(message: unknown): boolean {
    if (!isRecord(message) || typeof message.role !== "string") return false;
    const content = this.#toText(message.content);
    if (content === undefined) return false;
    this.add(message.role, content);
    if (isFilled(message.tool_calls)) this.#pieces.push(`\n${JSON.stringify(message.tool_calls)}`);
    return true;
  }

  /** Adds an item that is no message, such as a tool call or its output. */
  addItem(item: BodyMembers): void {
    this.add(String(item.type), holdsMedia(item) ? this.#standIn(item) : JSON.stringify(item));
  }

  /** All that was added. */
  toPrompt(): TextPrompt {
    this.#endLine();
    return { kind: "text", pieces: this.#pieces, isMultimodal: this.#isMultimodal };
  }

  #endLine(): void {
    if (this.#isEndOpen) this.#pieces.push("\n");
    this.#isEndOpen = false;
  }

  /** Text of a content; `undefined` where it is neither text nor parts. */
  #toText(content: unknown): string | undefined {
    if (typeof content === "string") return content;
    if (content === undefined || content === null) return "";
    if (!Array.isArray(content)) return undefined;
    let text = "";
    for (const part of content) {
      if (typeof part === "string") text += part;
      else if (!isRecord(part)) return undefined;
      else text += typeof part.text === "string" && !media.has(part.type) ? part.text : this.#standIn(part);
    }
    return text;
  }

  /** Stands for what is no text, the same for the same image, audio or file only. */
  #standIn(part: BodyMembers): string {
    if (holdsMedia(part)) this.#isMultimodal = true;
    const { low, high } = hashBytes(Buffer.from(JSON.stringify(part)));
    return `<|${String(part.type)}:${toHex(high)}${toHex(low)}|>`;
  }
}

/** What stands between what is said and what the usual roles say next. */
const openers: ReadonlyMap<string, string> = new Map(
  ["user", assistant, "tool", "system", "developer"].map((role) => [role, `\n<|${role}|>\n`]),
);

/** Types of the parts that are no text, in any of the APIs. */
const media: ReadonlySet<unknown> = new Set([
  ...["image_url", "input_image", "image", "image_pil", "image_embeds"],
  ...["input_audio", "audio_url", "audio", "audio_embeds"],
  ...["video_url", "input_video", "video"],
  ...["document", "file", "input_file"],
]);

/** Whether a part or an item is no text, or is the output of a tool with such parts. */
function holdsMedia({ type, content, output }: BodyMembers): boolean {
  return media.has(type) || [content, output].some((parts) => Array.isArray(parts) && parts.some(isMedia));
}

function isMedia(part: unknown): boolean {
  return isRecord(part) && media.has(part.type);
}

function toHex(word: number): string {
  return word.toString(16).padStart(8, "0");
}

function isFilled(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}
