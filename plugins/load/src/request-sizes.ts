import type { DoneEvent } from "@outrider/plugin-sdk";

/** Tokens that requests have taken of late. */
export interface RequestSizes {
  /** Means, in tokens: of prompts what was left to compute. And the share of prompt tokens that was, in [0, 1]. */
  readonly current: { readonly prompt: number; readonly output: number; readonly uncachedShare: number };
  /** A request is done. */
  note(event: Pick<DoneEvent, "cause" | "promptTokens" | "cachedTokens" | "outputTokens">): void;
}

/** Requests that the means remember, roughly. */
const memory = 200;

/** What is believed before any request is done: half of its tokens are prompt. */
export function createRequestSizes(defaultTokens: number): RequestSizes {
  const current = { prompt: defaultTokens / 2, output: defaultTokens / 2, uncachedShare: 1 };
  let whole = defaultTokens / 2;
  let seen = 0;
  return {
    current,
    note({ cause, promptTokens, cachedTokens, outputTokens }) {
      // What was cut off says nothing of how long answers are, and an answer that was not observed nothing at all.
      if (cause !== "ok" || promptTokens === 0) return;
      seen = Math.min(seen + 1, memory);
      current.prompt += (Math.max(0, promptTokens - cachedTokens) - current.prompt) / seen;
      whole += (promptTokens - whole) / seen;
      current.uncachedShare = current.prompt / whole;
      current.output += (outputTokens - current.output) / seen;
    },
  };
}
