import { createUsageReader, type UsageReader } from "@outrider/core";
import type { Fields } from "../../fields.ts";
import type { Shape } from "../../shapes.ts";
import { fromFault, NotApplicable, type Verdict } from "../../verdict.ts";

/** What responses tell of tokens. */
export const usageShapes: readonly Shape[] = [
  {
    given: ["body", "usage?", "end_of_stream?"],
    want: ["usage", "error?"],
    run(given, want) {
      if (want.boolean("error", false))
        throw new NotApplicable("upstream internals", "bodies of responses are not judged");
      return compareUsage([toCompletion(given)], want);
    },
  },
  {
    given: ["content_type", "chunk", "end_of_stream?"],
    want: ["usage"],
    run: (given, want) => compareUsage([toChunk(given.string("chunk"), want)], want),
  },
  {
    given: ["content_type", "chunks", "eos_on?"],
    want: ["usage"],
    run: (given, want) => compareUsage(given.texts("chunks"), want),
  },
  {
    given: ["content_type", "chunks"],
    want: ["streamed_events"],
    run(given, want) {
      const { outputEvents } = readUsage(given.texts("chunks"));
      return fromFault(outputEvents === want.number("streamed_events") ? undefined : `${outputEvents} were counted`);
    },
  },
];

/** A response told in words: a completion with the usage that is given, none, or one that is cut short. */
function toCompletion(given: Fields): string {
  const words = given.string("body");
  if (words.startsWith("{")) return words;
  if (!/\bJSON\b/.test(words)) throw new NotApplicable("in words", words);
  const usage = given.has("usage") ? { usage: given.object("usage").values } : {};
  const completion = JSON.stringify({ object: "text_completion", choices: [{ text: "hi" }], ...usage });
  return /\b(?:invalid|malformed|broken)\b/i.test(words) ? completion.slice(0, completion.indexOf('"hi"')) : completion;
}

/** A chunk as it is, or one that is told in words: its tokens are then those that are wanted of it. */
function toChunk(words: string, want: Fields): string {
  if (words.startsWith("data:")) return words;
  if (/\b(?:usage null|no usage|without usage)\b/.test(words)) {
    return 'data: {"choices":[{"text":"hi"}],"usage":null}\n\n';
  }
  if (!/\busage\b|^same plus\b/.test(words)) throw new NotApplicable("in words", words);
  const usage = want.object("usage");
  const tokens = (name: string) => (usage.has(name) ? usage.number(name) : 0);
  const [, cached] = /cached_tokens (\d+)/.exec(words) ?? [];
  const told = {
    prompt_tokens: tokens("prompt"),
    completion_tokens: tokens("completion"),
    total_tokens: tokens("total"),
    ...(cached === undefined ? {} : { prompt_tokens_details: { cached_tokens: Number(cached) } }),
  };
  return `data: ${JSON.stringify({ choices: [], usage: told })}\n\ndata: [DONE]\n\n`;
}

/** Reads the usage of a response in the pieces it comes in; `total` is the sum of the two others. */
function compareUsage(chunks: readonly string[], want: Fields): Verdict {
  const { promptTokens, outputTokens, cachedTokens } = readUsage(chunks).usage;
  const found = {
    prompt: promptTokens,
    completion: outputTokens,
    total: promptTokens + outputTokens,
    cached: cachedTokens,
  };
  const wanted = want.object("usage");
  const fault = Object.entries(found).find(
    ([name, value]) => (wanted.has(name) ? wanted.number(name) : 0) !== value && isTold(name, wanted),
  );
  return fromFault(fault && `${fault[0]} is ${fault[1]}`);
}

function readUsage(chunks: readonly string[]): UsageReader {
  const reader = createUsageReader();
  for (const chunk of chunks) reader.read(Buffer.from(chunk));
  return reader;
}

/** What a row leaves out is 0, but for the total, which it may leave to be summed. */
function isTold(name: string, wanted: Fields): boolean {
  return name !== "total" || wanted.has("total");
}
