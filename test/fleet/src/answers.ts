import type { RequestFault } from "./request-body.ts";

/** What every part of one answer repeats. */
export interface AnswerHead {
  /** Which API it answers. */
  readonly api: "chat" | "completions";
  /** Id of the answer. */
  readonly id: string;
  /** Unix time of the request, whole seconds. */
  readonly createdS: number;
  /** Model or adapter as the client named it. */
  readonly model: string;
}

/** Token counts of one answer. */
export interface Usage {
  /** Tokens of the prompt. */
  readonly promptTokens: number;
  /** Tokens generated. */
  readonly outputTokens: number;
  /** Prompt tokens found in the prefix cache. */
  readonly cachedTokens: number;
}

/** Why an answer ended. */
export type Ending = "stop" | "length";

/** An answer in one piece. @param more further members of it. */
export function renderAnswer(head: AnswerHead, text: string, ending: Ending, usage: Usage, more: object = {}): string {
  const { api, id, createdS, model } = head;
  const choice =
    api === "chat"
      ? { index: 0, message: { role: "assistant", content: text }, logprobs: null, finish_reason: ending }
      : { index: 0, text, logprobs: null, finish_reason: ending, stop_reason: null };
  const object = api === "chat" ? "chat.completion" : "text_completion";
  return JSON.stringify({ id, object, created: createdS, model, choices: [choice], usage: toUsage(usage), ...more });
}

/** The parts of a stream of server-sent events. */
export interface StreamParts {
  /** What opens the stream, before any token. */
  readonly opening: string;
  /** One event with one token, whose text needs no escapes in JSON. */
  token(text: string): string;
  /** What closes the stream: the reason, the usage where it was asked for, and the end mark. */
  closing(ending: Ending, usage: Usage | undefined): string;
}

/** The events of one answer, all but the text worked out once. */
export function createStreamParts({ api, id, createdS, model }: AnswerHead): StreamParts {
  const object = api === "chat" ? "chat.completion.chunk" : "text_completion";
  const head = `data: ${JSON.stringify({ id, object, created: createdS, model }).slice(0, -1)}`;
  const event = (choices: string, more = "") => `${head},"choices":[${choices}]${more}}\n\n`;
  const choice = (content: string, ending: string) =>
    api === "chat"
      ? `{"index":0,"delta":{${content}},"logprobs":null,"finish_reason":${ending}}`
      : `{"index":0,${content === "" ? '"text":""' : content},"logprobs":null,"finish_reason":${ending},"stop_reason":null}`;
  const [before, after] = event(choice(api === "chat" ? '"content":"\n"' : '"text":"\n"', "null")).split("\n", 2);
  return {
    opening: api === "chat" ? event(choice('"role":"assistant","content":""', "null")) : "",
    token: (text) => `${before}${text}${after}\n\n`,
    closing(ending, usage) {
      const last = event(choice("", `"${ending}"`));
      const counts = usage === undefined ? "" : event("", `,"usage":${JSON.stringify(toUsage(usage))}`);
      return `${last}${counts}data: [DONE]\n\n`;
    },
  };
}

/** A refusal. */
export function renderFault({ message, type, param, code }: RequestFault): string {
  return JSON.stringify({ error: { message, type, param, code } });
}

function toUsage({ promptTokens, outputTokens, cachedTokens }: Usage) {
  return {
    prompt_tokens: promptTokens,
    total_tokens: promptTokens + outputTokens,
    completion_tokens: outputTokens,
    prompt_tokens_details: { cached_tokens: cachedTokens },
  };
}
