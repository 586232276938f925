import { createRequestFacts, type FactNeeds } from "@outrider/core";
import type { Section, Table } from "../section.ts";
import { format, median, spread } from "../windows.ts";
import { measureAnswers } from "./answers.ts";
import { type FilledIndex, fillIndex, promptBlocks } from "./filled-index.ts";
import { inTurn } from "./in-turn.ts";

/** Endpoints and blocks of each index; the first is what the others are compared with. */
const sizes = [
  { endpoints: 100, blocks: 100_000 },
  { endpoints: 1_000, blocks: 100_000 },
  { endpoints: 100, blocks: 10_000_000 },
] as const;
const promptBytes = 400_000;
/** Goals. */
const mostUs = 10;
const mostTimes = 2;
const mostPromptUs = 400;

/** What the index of prefixes costs: time and memory. */
export const prefix: Section = {
  name: "prefix",
  about: "what a call to prefix-cache costs, a prompt of 100k tokens, answers, and the index's memory",
  effort: { windows: 9, seconds: 0.2 },
  run: async ({ windows, seconds }) => {
    const indexes: FilledIndex[] = [];
    for (const { endpoints, blocks } of sizes) indexes.push(await fillIndex(endpoints, blocks));
    return [
      measureCalls(indexes, windows, seconds),
      measurePrompts(indexes[0]!, windows, seconds),
      measureAnswers(windows, seconds),
    ];
  },
};

function measureCalls(indexes: readonly FilledIndex[], windows: number, seconds: number): Table {
  const timed = inTurn(
    indexes.map((index) => () => index.score()),
    windows,
    seconds,
  );
  const base = median(timed[0]!);
  const rows = indexes.map(({ endpoints, blocks, pairs, bytes }, i) => ({
    endpoints,
    "blocks held": blocks,
    "µs a call": format(median(timed[i]!)),
    windows: spread(timed[i]!),
    "of the first": format(median(timed[i]!) / base),
    "pairs held": pairs,
    "bytes a block": format(bytes / blocks),
    "at most": format(40 + endpoints / 8 + (12 * pairs) / blocks),
  }));
  const notes = [
    `A call scores all endpoints for a prompt of ${promptBlocks} blocks, 500 prompts in turn; a tenth of the endpoints hold it.`,
    `Goals: ${mostUs} µs over 100 endpoints, over 1,000 at most ${mostTimes} times that; 40 bytes a block, 1/8 a (block, endpoint), 12 a pair held.`,
  ];
  return { title: "prefix-cache: CPU of a call, and memory", rows, notes, failed: 0 };
}

function measurePrompts(index: FilledIndex, windows: number, seconds: number): Table {
  const text = "Each morning the ferry leaves the harbour at six. ".repeat(promptBytes / 50);
  const pieces = text.match(/.{2000}/g) ?? [];
  const prompts = {
    "text, in messages of 2 kB": { kind: "text", pieces },
    "text in one": { kind: "text", pieces: [text] },
    "token ids": { kind: "tokens", tokenIds: Uint32Array.from({ length: promptBytes / 4 }, (_, i) => i % 50_000) },
  } as const;
  const timed = inTurn(
    Object.values(prompts).map((prompt) => () => index.scoreFor(hash(prompt))),
    windows,
    seconds,
  );
  const rows = Object.keys(prompts).map((prompt, i) => ({
    prompt,
    "µs a prompt": format(median(timed[i]!)),
    windows: spread(timed[i]!),
    "at most": mostPromptUs,
  }));
  const notes = ["Block hashes made and looked up over 100 endpoints; the body is read before."];
  return { title: "100k tokens: CPU of hashes and a call", rows, notes, failed: 0 };
}

const needs: FactNeeds = {
  promptText: false,
  tokenIds: false,
  multimodal: false,
  blockSizesTokens: [64],
  answerBlocks: false,
  headers: [],
};

type Given = NonNullable<Parameters<typeof createRequestFacts>[0]["given"]>;

function hash(prompt: Given["prompt"]): Uint32Array {
  const members = { model: "m", stream: false, maxOutputTokens: 0, cacheSalt: "", promptTokens: 0, sessionKey: "" };
  const source = { path: "/", header: () => undefined, body: undefined, given: { ...members, prompt } };
  return createRequestFacts(source, "bench", { needs }).blockHashes;
}
