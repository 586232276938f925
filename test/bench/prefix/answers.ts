import { createAnswerReader, createUsageReader, maxAnswerJsonBytes } from "@outrider/core";
import type { Table } from "../section.ts";
import { format, median, spread } from "../windows.ts";
import { inTurn } from "./in-turn.ts";

const word = "morning ";

/** Responses as they come, in chunks. */
const responses: Readonly<Record<string, readonly Buffer[]>> = {
  "stream of 100 events": streamOf(100),
  "stream of 1,000 events": streamOf(1_000),
  "JSON of 4 kB": bodyOf(4_000),
  "JSON as long as is looked into": bodyOf(maxAnswerJsonBytes - 1_000),
};

/** What it costs to learn the blocks of an answer, beside the reading of usage. */
export function measureAnswers(windows: number, seconds: number): Table {
  const readers = Object.values(responses).flatMap((chunks) => [() => read(chunks, false), () => read(chunks, true)]);
  const timed = inTurn(readers, windows, seconds);
  const rows = Object.entries(responses).map(([response, chunks], i) => {
    const [usage, both] = [median(timed[2 * i]!), median(timed[2 * i + 1]!)];
    return {
      response,
      "usage alone, µs": format(usage),
      "with the answer, µs": format(both),
      windows: spread(timed[2 * i + 1]!),
      "µs a chunk more": format((both - usage) / chunks.length),
    };
  });
  const notes = ["CPU of one response, read as a plugin that asks for `events.answer_blocks` has it read."];
  return { title: "blocks of answers: CPU of a response", rows, notes, failed: 0 };
}

function read(chunks: readonly Buffer[], isAsked: boolean): void {
  const chain = { hash: { low: 1, high: 2 }, rest: new Uint8Array(100), blockBytes: 256, maxBlocks: 2_000 };
  const frame = { opener: "<|assistant|>\n", closer: "\n" };
  const answer = isAsked ? createAnswerReader({ form: "chat", chain, ...frame }) : undefined;
  const reader = createUsageReader("usage", answer);
  for (const chunk of chunks) reader.read(chunk);
  answer?.finish();
}

/** Events as vLLM sends them, a chunk each. */
function streamOf(events: number): readonly Buffer[] {
  const head = { id: "chatcmpl-5f2b1c3a9d7e4f60", object: "chat.completion.chunk", created: 1_795_000_000, model: "m" };
  const choice = { index: 0, delta: { content: word }, logprobs: null, finish_reason: null, token_ids: null };
  const event = Buffer.from(`data: ${JSON.stringify({ ...head, choices: [choice] })}\n\n`);
  return [...Array.from({ length: events }, () => event), Buffer.from("data: [DONE]\n\n")];
}

/** A body in chunks of 16 kB. */
function bodyOf(bytes: number): readonly Buffer[] {
  const content = word.repeat(Math.floor(bytes / word.length));
  const message = { role: "assistant", content, tool_calls: [], reasoning_content: null };
  const body = Buffer.from(JSON.stringify({ choices: [{ index: 0, message }], usage: { completion_tokens: 5 } }));
  return Array.from({ length: Math.ceil(body.length / 16_384) }, (_, i) => body.subarray(16_384 * i, 16_384 * (i + 1)));
}
