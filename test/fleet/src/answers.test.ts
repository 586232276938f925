import { describe, expect, it } from "vitest";
import { type AnswerHead, createStreamParts, renderAnswer, renderFault } from "./answers.ts";

const usage = { promptTokens: 20, outputTokens: 2, cachedTokens: 16 };
const wireUsage = {
  prompt_tokens: 20,
  total_tokens: 22,
  completion_tokens: 2,
  prompt_tokens_details: { cached_tokens: 16 },
};

for (const api of ["chat", "completions"] as const) {
  describe(`an answer of ${api}`, () => {
    const head: AnswerHead = { api, id: "x-1", createdS: 7, model: 'm"\n' };

    it("in one piece has text, reason and usage", () => {
      const answer = JSON.parse(renderAnswer(head, "ja ", "stop", usage));
      expect(answer).toMatchObject({ id: "x-1", created: 7, model: 'm"\n', usage: wireUsage });
      expect(answer.choices).toMatchObject([{ index: 0, finish_reason: "stop" }]);
      expect(answer.choices[0].message?.content ?? answer.choices[0].text).toBe("ja ");
    });

    it("as a stream ends with reason, usage without choices, and the end mark", () => {
      const parts = createStreamParts(head);
      const events = read(parts.opening + parts.token("ja ") + parts.token("so ") + parts.closing("length", usage));
      const texts = events.map(({ choices: [choice] }) => choice?.delta?.content ?? choice?.text ?? "");
      expect(texts.join("")).toBe("ja so ");
      expect(events.at(-2)?.choices).toMatchObject([{ finish_reason: "length" }]);
      expect(events.at(-1)).toMatchObject({ choices: [], usage: wireUsage, model: 'm"\n' });
    });

    it("as a stream has no usage unless it was asked for", () => {
      const events = read(createStreamParts(head).closing("stop", undefined));
      expect(events).toHaveLength(1);
      expect(events[0]).not.toHaveProperty("usage");
    });
  });
}

it("a refusal has vLLM's form", () => {
  const fault = { message: "no", type: "NotFoundError", param: "model", code: 404 } as const;
  expect(JSON.parse(renderFault(fault))).toEqual({ error: fault });
});

interface Chunk {
  readonly choices: readonly { readonly delta?: { readonly content?: string }; readonly text?: string }[];
}

/** Events of a stream, which must end with the end mark. */
function read(stream: string): Chunk[] {
  const events = stream.split("\n\n");
  expect(events.slice(-2)).toEqual(["data: [DONE]", ""]);
  return events.slice(0, -2).map((event) => JSON.parse(event.slice("data: ".length)));
}
