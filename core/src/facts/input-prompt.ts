import { beginText, type Preamble, readItems } from "./chat-prompt.ts";
import { isRecord, noPrompt, type Prompt, promptFault } from "./prompt.ts";

const noPreamble: Preamble = {};

/** The prompt of a member that is a text, token ids, several of either, or the items of a conversation. */
export function readInput(input: unknown, member: string, preamble: Preamble = noPreamble): Prompt {
  if (input === "" && preamble === noPreamble) return noPrompt;
  if (typeof input === "string") return readText(input, preamble);
  if (!Array.isArray(input) || input.length === 0) return noPrompt;
  if (typeof input[0] === "string") return joinTexts(input, member);
  if (isRecord(input[0])) return readItems(input, member, preamble);
  return readTokens(input, member);
}

/** The prompt of a member that holds token ids, of one prompt or of several. */
export function readTokens(input: unknown, member: string): Prompt {
  if (!Array.isArray(input)) return noPrompt;
  const tokenIds = toTokenIds(input);
  return tokenIds === undefined
    ? promptFault(`${member} must hold strings or token ids, whole numbers below ${2 ** 32}`)
    : { kind: "tokens", tokenIds };
}

function readText(input: string, preamble: Preamble): Prompt {
  const text = beginText(preamble);
  text.addPlain(input);
  return text.toPrompt();
}

function joinTexts(input: readonly unknown[], member: string): Prompt {
  return input.every((text) => typeof text === "string")
    ? { kind: "text", pieces: input.flatMap((text, i) => (i === 0 ? [text] : ["\n", text])) }
    : promptFault(`${member} must hold strings or token ids, not both`);
}

/** Token ids of one prompt, or of several behind one another; `undefined` where something is no token id. */
function toTokenIds(input: readonly unknown[]): Uint32Array | undefined {
  const ids = Array.isArray(input[0]) ? flatten(input) : input;
  if (ids === undefined) return undefined;
  const tokenIds = new Uint32Array(ids.length);
  for (let i = 0; i < ids.length; i++) {
    const id: unknown = ids[i];
    if (typeof id !== "number" || id >>> 0 !== id) return undefined;
    tokenIds[i] = id;
  }
  return tokenIds;
}

function flatten(prompts: readonly unknown[]): readonly unknown[] | undefined {
  return prompts.every((prompt) => Array.isArray(prompt)) ? prompts.flat() : undefined;
}
