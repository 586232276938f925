import { describe, expect, it } from "vitest";
import { createUsageReader, type TokenUsage } from "./usage-reader.ts";

function read(chunks: readonly (string | Uint8Array)[]): TokenUsage {
  const reader = createUsageReader();
  for (const chunk of chunks) reader.read(new Uint8Array(Buffer.from(chunk)));
  return reader.usage;
}

const none = { promptTokens: 0, cachedTokens: 0, outputTokens: 0 };

describe("bad input", () => {
  const cases = [
    { title: "nothing", body: "" },
    { title: "null", body: '{"usage":null}' },
    { title: "a text", body: '{"usage":"prompt_tokens"}' },
    { title: "a key without value", body: '{"usage"}' },
    { title: "a value of that name", body: '{"a":"usage","prompt_tokens":5}' },
    { title: "the words in an answer", body: '{"text":"\\"usage\\":{\\"prompt_tokens\\":5}"}' },
    { title: "wrong types", body: '{"usage":{"prompt_tokens":"5","completion_tokens":-1,"prompt_tokens_details":7}}' },
    { title: "broken JSON", body: '{"usage":{prompt_tokens:5}}' },
    { title: "an object that does not end", body: '{"usage":{"prompt_tokens":5,' },
  ];
  for (const { title, body } of cases) it(`tells nothing from ${title}`, () => expect(read([body])).toEqual(none));

  it("gives up a usage that does not end, and reads the next", () => {
    const endless = Array.from({ length: 100 }, () => "x".repeat(1_000));
    expect(read(['{"usage":{"a":"', ...endless, '"}} {"usage":{"prompt_tokens":5}}'])).toMatchObject({
      promptTokens: 5,
    });
  });
});

const bodies = {
  "a chat completion": {
    body: '{"id":"1","choices":[{"text":"a\\"usage\\""}],"usage":{"prompt_tokens":12,"completion_tokens":7,"total_tokens":19,"prompt_tokens_details":{"cached_tokens":8}}}',
    want: { promptTokens: 12, cachedTokens: 8, outputTokens: 7 },
  },
  "a stream of completions": {
    body: 'data: {"choices":[{"delta":{"content":"h"}}],"usage":null}\n\ndata: {"choices":[],"usage":{"prompt_tokens":12,"completion_tokens":7,"prompt_tokens_details":null}}\n\ndata: [DONE]\n\n',
    want: { promptTokens: 12, cachedTokens: 0, outputTokens: 7 },
  },
  "a stream with usage in each chunk": {
    body: 'data: {"usage":{"prompt_tokens":12,"completion_tokens":1}}\n\ndata: {"usage":{"prompt_tokens":12,"completion_tokens":2}}\n\n',
    want: { promptTokens: 12, cachedTokens: 0, outputTokens: 2 },
  },
  "a stream of messages": {
    body: 'event: message_start\ndata: {"type":"message_start","message":{"usage":{"input_tokens":25,"cache_read_input_tokens":5,"output_tokens":1}}}\n\nevent: message_delta\ndata: {"type":"message_delta","usage":{"output_tokens":15}}\n\n',
    want: { promptTokens: 25, cachedTokens: 5, outputTokens: 15 },
  },
  "a stream of a response": {
    body: 'data: {"type":"response.completed","response":{"usage":{"input_tokens":9,"input_tokens_details":{"cached_tokens":4},"output_tokens":3}}}\n\n',
    want: { promptTokens: 9, cachedTokens: 4, outputTokens: 3 },
  },
  "JSON with white space": {
    body: '{\n  "usage" :\n  {\n "prompt_tokens": 3,\n "completion_tokens": 4 } }',
    want: { promptTokens: 3, cachedTokens: 0, outputTokens: 4 },
  },
};
for (const [title, { body, want }] of Object.entries(bodies)) {
  describe(`usage in ${title}`, () => {
    it("is read from the whole", () => expect(read([body])).toEqual(want));

    it("is read whatever two bytes it is cut between", () => {
      for (let cut = 0; cut <= body.length; cut++) expect(read([body.slice(0, cut), body.slice(cut)])).toEqual(want);
    });

    it("is read from single bytes", () => expect(read([...body])).toEqual(want));
  });
}

it("tells the first chunk that is not empty", () => {
  const reader = createUsageReader();
  expect(["", "", "a", "", "b"].map((text) => reader.read(Buffer.from(text)))).toEqual([
    false,
    false,
    true,
    false,
    false,
  ]);
});

it("does not keep the bytes of a chunk", () => {
  const reader = createUsageReader();
  const chunk = Buffer.from('{"usage":{"prompt_tok');
  reader.read(chunk);
  chunk.fill(0);
  reader.read(Buffer.from('ens":5}}'));
  expect(reader.usage.promptTokens).toBe(5);
});
