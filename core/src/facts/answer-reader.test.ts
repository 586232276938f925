import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createAnswerReader, maxAnswerJsonBytes } from "./answer-reader.ts";
import type { FactNeeds } from "./fact-needs.ts";
import { toChunks } from "./fixtures/to-chunks.ts";
import { createRequestFacts } from "./request-facts.ts";
import { createUsageReader } from "./usage-reader.ts";

const chatPath = "/v1/chat/completions";
const needs: FactNeeds = {
  promptText: false,
  tokenIds: false,
  multimodal: false,
  blockSizesTokens: [4, 16],
  answerBlocks: true,
  headers: [],
};

function factsOf(path: string, body: object, more: { needs?: Partial<FactNeeds>; maxPrefixTokens?: number } = {}) {
  const source = { path, header: () => undefined, body: [Buffer.from(JSON.stringify({ model: "m", ...body }))] };
  const { maxPrefixTokens = 100_000 } = more;
  const facts = createRequestFacts(source, "r", { needs: { ...needs, ...more.needs }, maxPrefixTokens });
  facts.prepare();
  facts.release();
  return facts;
}

/** Hashes that a response adds to those of its request. */
function learn(path: string, body: object, response: readonly (string | Uint8Array)[], maxPrefixTokens?: number) {
  const { answerStart, parser } = factsOf(path, body, maxPrefixTokens === undefined ? {} : { maxPrefixTokens });
  const answer = answerStart && createAnswerReader(answerStart);
  const reader = createUsageReader(parser?.usageMember, answer);
  for (const chunk of response) reader.read(new Uint8Array(Buffer.from(chunk)));
  return answer?.finish() ?? new Uint32Array(0);
}

const ask = (content: string) => ({ messages: [{ role: "user", content }] });
const long = "So it is said, and so it is. ".repeat(4);
const answered = (content: string | null, more: object = {}) =>
  JSON.stringify({ choices: [{ index: 0, message: { role: "assistant", content, ...more } }], usage: {} });
const event = (json: unknown) => `data: ${JSON.stringify(json)}\n\n`;
const piece = (content: string) => event({ choices: [{ index: 0, delta: { content } }] });
const done = "data: [DONE]\n\n";

describe("nothing is learned of", () => {
  const cases: readonly { title: string; response: readonly string[] }[] = [
    { title: "no response", response: [] },
    { title: "an empty one", response: ["", ""] },
    { title: "no JSON", response: ["<html>Bad gateway</html>\n"] },
    { title: "broken JSON", response: [answered(long).replace("}", "")] },
    { title: "JSON that does not end", response: [answered(long).slice(0, -2)] },
    { title: "two bodies in one", response: [answered(long), answered(long)] },
    { title: "an empty answer", response: [answered("")] },
    { title: "an answer of null", response: [answered(null)] },
    { title: "reasoning", response: [answered(long, { reasoning_content: "hm" })] },
    { title: "a body that is too long", response: [answered("x".repeat(maxAnswerJsonBytes))] },
    { title: "an error", response: ['{"error":{"message":"no"}}'] },
    { title: "a stream without text", response: [event({ choices: [] }), done] },
    { title: "a stream with an event that is no JSON", response: [piece(long), "data: {no\n\n", piece(long), done] },
    { title: "a stream that breaks off in an event", response: [piece(long), piece(long).slice(0, -9)] },
    { title: "a stream of two choices", response: [piece(long), event({ choices: [{ index: 1, delta: {} }] }), done] },
    { title: "a stream that ends in an error", response: [piece(long), event({ error: {} }), done] },
    { title: "an event that is too long", response: [piece(long), piece("x".repeat(maxAnswerJsonBytes)), done] },
  ];
  for (const { title, response } of cases) {
    it(title, () => expect(learn(chatPath, ask(long), response)).toHaveLength(0));
  }

  it("any bytes, without a throw", () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 30 }),
      fc.constantFrom("data: ", "\n", "{", "}", '"choices":[', '{"delta":{"content":"', '"}}]').map(Buffer.from),
    );
    fc.assert(
      fc.property(fc.array(bytes), (chunks) => {
        expect(learn(chatPath, ask("a"), chunks).length % 2).toBe(0);
      }),
      { seed: 20_261_124, numRuns: 1_000 },
    );
  });

  const requests: readonly { title: string; path?: string; body: object }[] = [
    {
      title: "an answer that goes on with the prompt's last one",
      body: { messages: [{ role: "assistant", content: long }] },
    },
    { title: "token ids", path: "/v1/completions", body: { prompt: [1, 2, 3] } },
    { title: "an API whose next prompt is another", path: "/v1/responses", body: { input: long } },
    { title: "what is only rendered", path: `${chatPath}/render`, body: ask(long) },
    { title: "a prompt that is at fault", body: { messages: [{ role: "user", content: 5 }] } },
  ];
  for (const { title, path = chatPath, body } of requests) {
    it(title, () => expect(factsOf(path, body).answerStart).toBeUndefined());
  }

  it("an answer that nobody asks for, or of a prompt that is as long as hashes go", () => {
    expect(factsOf(chatPath, ask(long), { needs: { answerBlocks: false } }).answerStart).toBeUndefined();
    expect(factsOf(chatPath, ask(long), { needs: { blockSizesTokens: [] } }).answerStart).toBeUndefined();
    expect(factsOf(chatPath, ask(long), { maxPrefixTokens: 8 }).answerStart).toBeUndefined();
  });
});

/** Ways in which an answer comes, in pieces where it is a stream. */
const ways = {
  "chat, whole": {
    path: chatPath,
    respond: (pieces: readonly string[]) => answered(pieces.join(""), { tool_calls: [], refusal: null }),
  },
  "chat, streamed": {
    path: chatPath,
    respond: (pieces: readonly string[]) => {
      const opening = event({ choices: [{ index: 0, delta: { role: "assistant", content: "" } }] });
      const closing = event({ choices: [{ index: 0, delta: {}, finish_reason: "stop" }] });
      return [opening, ...pieces.map(piece), closing, event({ choices: [], usage: {} }), done].join(": ping\n\n");
    },
  },
  "messages, whole": {
    path: "/v1/messages",
    respond: (pieces: readonly string[]) =>
      JSON.stringify({ type: "message", content: pieces.map((text) => ({ type: "text", text })) }),
  },
  "messages, streamed": {
    path: "/v1/messages",
    respond: (pieces: readonly string[]) => {
      const named = (json: { type: string }) => `event: ${json.type}\r\n${event(json).replace("\n\n", "\r\n\r\n")}`;
      const deltas = pieces.map((text) => ({ type: "content_block_delta", delta: { type: "text_delta", text } }));
      const start = { type: "content_block_start", content_block: { type: "text", text: "" } };
      return [{ type: "message_start" }, start, ...deltas, { type: "message_stop" }].map(named).join("");
    },
  },
} as const;

const text = fc.string({ unit: "binary", maxLength: 60 });
const message = fc.record({ role: fc.constantFrom("user", "assistant", "system"), content: text });
const talk = fc.array(message, { maxLength: 4 });
const cuts = fc.array(fc.nat(300), { maxLength: 8 });

describe("the next turn's hashes begin with this one's and what was learned of its answer", () => {
  for (const [title, { path, respond }] of Object.entries(ways)) {
    it(`as ${title}, cut anywhere`, () => {
      fc.assert(
        fc.property(talk, text, fc.array(text, { minLength: 1 }), text, cuts, (before, asked, pieces, next, sizes) => {
          const messages = [...before, { role: "user", content: asked }];
          const chunks = toChunks(respond(pieces), sizes);
          const learned = learn(path, { messages }, chunks);
          const content = pieces.join("");
          const reply = [
            { role: "assistant", content },
            { role: "user", content: next },
          ];
          const first = factsOf(path, { messages }).blockHashes;
          const second = factsOf(path, { messages: [...messages, ...reply] }).blockHashes;
          expect([...first, ...learned]).toEqual([...second.slice(0, first.length + learned.length)]);
          const bytes = 16 * (first.length / 2) + Buffer.byteLength(content);
          const least = content === "" ? 0 : Math.floor(bytes / 16) - first.length / 2;
          expect(learned.length / 2).toBeGreaterThanOrEqual(least);
        }),
        { seed: 20_261_125, numRuns: 300 },
      );
    });
  }

  it("where the prompt is a text and goes on with the completion", () => {
    for (const prompt of [long, "Grüße: ", "short"]) {
      const response = JSON.stringify({ choices: [{ index: 0, text: long }] });
      const learned = learn("/v1/completions", { prompt }, [response]);
      const second = factsOf("/v1/completions", { prompt: `${prompt}${long}` }).blockHashes;
      const first = factsOf("/v1/completions", { prompt }).blockHashes;
      expect(learned.length).toBeGreaterThan(0);
      expect([...first, ...learned]).toEqual([...second]);
    }
  });

  it("up to as many as a prompt has at most, and the rest of the response is not looked at", () => {
    const learned = learn(chatPath, ask("a"), [piece(long), piece(long), "data: {no\n\n"], 20);
    expect(learned).toHaveLength(2 * 5);
    expect(learned).toEqual(learn(chatPath, ask("a"), [piece(long), done]).slice(0, 10));
  });
});
