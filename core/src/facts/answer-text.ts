import { chatAnswerFrame } from "./chat-prompt.ts";
import { isRecord } from "./prompt.ts";

/** How the answers of an API stand in its responses. */
export type AnswerForm = "chat" | "completion" | "messages";

/** What stands before and behind an answer in the prompt of the next turn, which goes on behind this one's. */
export interface AnswerFrame {
  readonly opener: string;
  readonly closer: string;
}

/** Frames of the answers by their form. A prompt that is a text goes on with the answer as it is. */
export const answerFrames: Readonly<Record<AnswerForm, AnswerFrame>> = {
  chat: chatAnswerFrame,
  messages: chatAnswerFrame,
  completion: { opener: "", closer: "" },
};

/**
 * Text that one JSON of a response adds to its answer: that of a whole body, or of an event of a stream; empty = none.
 * `undefined` where the next turn will not hold the answer as a text, or the model server's cache another one: tool
 * calls, reasoning, a refusal, several choices, an error, or JSON of another form.
 */
export function readAnswerText(form: AnswerForm, json: unknown): string | undefined {
  if (!isRecord(json)) return undefined;
  return form === "messages" ? readMessage(json) : readChoices(json.choices, form);
}

type Members = Readonly<Record<string, unknown>>;

/** What an assistant says besides text. */
const besides = ["tool_calls", "function_call", "reasoning_content", "reasoning", "refusal", "audio"] as const;

function readChoices(choices: unknown, form: AnswerForm): string | undefined {
  if (!Array.isArray(choices) || choices.length > 1) return undefined;
  if (choices.length === 0) return "";
  const choice: unknown = choices[0];
  if (!isRecord(choice) || (choice.index ?? 0) !== 0) return undefined;
  if (form === "completion") return toText(choice.text);
  const said = choice.message ?? choice.delta ?? {};
  if (!isRecord(said) || (said.role ?? "assistant") !== "assistant") return undefined;
  return besides.some((member) => isSaid(said[member])) ? undefined : toText(said.content);
}

function readMessage({ type, content, content_block: block, delta }: Members): string | undefined {
  if (type === "message") return readBlocks(content);
  if (type === "content_block_start") return readBlocks([block]);
  if (type === "content_block_delta") {
    return isRecord(delta) && delta.type === "text_delta" ? toText(delta.text) : undefined;
  }
  return typeof type === "string" && type !== "error" ? "" : undefined;
}

function readBlocks(blocks: unknown): string | undefined {
  if (!Array.isArray(blocks)) return undefined;
  let text = "";
  for (const block of blocks) {
    if (!isRecord(block) || block.type !== "text" || typeof block.text !== "string") return undefined;
    text += block.text;
  }
  return text;
}

function toText(value: unknown): string | undefined {
  return typeof value === "string" ? value : isSaid(value) ? undefined : "";
}

function isSaid(value: unknown): boolean {
  return value !== undefined && value !== null && value !== "" && !(Array.isArray(value) && value.length === 0);
}
