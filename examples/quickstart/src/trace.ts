import { readFileSync } from "node:fs";

/** One request of a recorded trace, with a prompt made up for it. */
export interface TraceRequest {
  /** Key of its conversation. */
  readonly session: string;
  readonly prompt: string;
  readonly outputTokens: number;
}

/** A row as published: one id for each 512-token prefix block; equal leading ids are a shared prefix. */
interface Row {
  readonly input_length: number;
  readonly output_length: number;
  readonly hash_ids: readonly number[];
}

const charactersPerToken = 4;
const blockCharacters = 512 * charactersPerToken;

/**
 * Reads `trace.jsonl`: whole short conversations of a chat service. The trace holds no text, so each block id becomes
 * 2,048 characters of its own, and rows that shared a prefix share one again. Starts over where more are wanted.
 */
export function readTrace(file: URL, count: number): readonly TraceRequest[] {
  const rows = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Row);
  const texts = new Map<number, string>();
  const textOf = (id: number): string => {
    const text = texts.get(id) ?? makeText(id);
    texts.set(id, text);
    return text;
  };
  return Array.from({ length: count }, (_, i) => {
    const { hash_ids, input_length, output_length } = rows[i % rows.length] as Row;
    return {
      session: `conversation-${hash_ids[1] ?? hash_ids[0]}`,
      prompt: hash_ids
        .map(textOf)
        .join("")
        .slice(0, input_length * charactersPerToken),
      outputTokens: output_length,
    };
  });
}

const syllables = ["ka", "lo", "mi", "ren", "su", "ta", "vo", "wen", "ix", "or", "pel", "qua"];

/** 2,048 characters that only this block has. */
function makeText(id: number): string {
  let state = id;
  let text = `block ${id} `;
  while (text.length < blockCharacters) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0; // the step of a linear congruential generator
    text += `${syllables[(state >>> 16) % syllables.length]}${state >>> 31 === 1 ? " " : ""}`;
  }
  return text.slice(0, blockCharacters);
}
