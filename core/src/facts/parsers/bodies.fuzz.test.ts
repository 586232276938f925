import fc from "fast-check";
import { expect, it } from "vitest";
import type { FactNeeds } from "../fact-needs.ts";
import { toChunks } from "../fixtures/to-chunks.ts";
import { createRequestFacts } from "../request-facts.ts";
import { createAnthropicParser } from "./anthropic-parser.ts";
import { createOpenaiParser } from "./openai-parser.ts";
import { createRequestParsers } from "./request-parsers.ts";
import { createSglanghttpParser } from "./sglanghttp-parser.ts";
import { createVllmhttpParser } from "./vllmhttp-parser.ts";

const parsers = createRequestParsers([
  createOpenaiParser(),
  createAnthropicParser(),
  createVllmhttpParser(),
  createSglanghttpParser(),
]);
const allNeeds: FactNeeds = {
  promptText: true,
  tokenIds: true,
  multimodal: true,
  blockSizesTokens: [1, 16],
  answerBlocks: true,
  headers: [],
};
const noNeeds: FactNeeds = {
  promptText: false,
  tokenIds: false,
  multimodal: false,
  blockSizesTokens: [],
  answerBlocks: false,
  headers: [],
};

/** Paths, each with the member that its API needs most. */
const needed = {
  "/v1/chat/completions": "messages",
  "/v1/completions": "prompt",
  "/v1/embeddings": "input",
  "/v1/responses": "input",
  "/v1/conversations": "items",
  "/v1/messages": "messages",
  "/v1/images/generations": "prompt",
  "/v1/chat/completions/render": "messages",
  "/inference/v1/generate": "token_ids",
  "/generate": "input_ids",
} as const;
type Path = keyof typeof needed;
const paths = Object.keys(needed) as Path[];

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 40 }),
  fc.constantFrom("", "\0", "\ud800", "\udfff\ud800", "\ufeff", '"model":"x"', "\\", "é".repeat(70), "x".repeat(200)),
);
const number = fc.oneof(fc.constantFrom(0, -0, -1, 0.5, 1e300, 2 ** 32, 2 ** 32 - 1), fc.nat(200_000));
const part = fc.record(
  {
    type: fc.constantFrom("text", "image_url", "input_audio", "document", "tool_use", "tool_result", null, 5),
    text: fc.oneof(text, fc.constant(null)),
    image_url: fc.oneof(text, fc.constant({ url: "u" })),
    content: fc.oneof(text, fc.array(fc.record({ type: fc.constantFrom("image", "text") }), { maxLength: 2 })),
  },
  { requiredKeys: [] },
);
const message = fc.oneof(
  fc.record(
    {
      role: fc.oneof(fc.constantFrom("user", "assistant", "tool", "system"), fc.constant(null), text),
      content: fc.oneof(
        text,
        fc.array(fc.oneof(part, text, fc.constant(null)), { maxLength: 3 }),
        fc.constant(null),
        number,
      ),
      tool_calls: fc.oneof(fc.array(fc.jsonValue({ maxDepth: 2 }), { maxLength: 2 }), fc.constant(null)),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue({ maxDepth: 1 }),
);
const input = fc.oneof(
  text,
  fc.array(text, { maxLength: 3 }),
  fc.array(number, { maxLength: 40 }),
  fc.array(fc.oneof(fc.array(number, { maxLength: 4 }), number, text, fc.constant(null)), { maxLength: 4 }),
  fc.array(message, { maxLength: 4 }),
  fc.jsonValue({ maxDepth: 2 }),
);
const member = fc.oneof(
  fc.tuple(fc.constantFrom("model", "cache_salt", "extra_key"), fc.oneof(text, fc.jsonValue({ maxDepth: 1 }))),
  fc.tuple(
    fc.constantFrom("stream", "max_tokens", "max_completion_tokens"),
    fc.oneof(number, fc.jsonValue({ maxDepth: 0 })),
  ),
  fc.tuple(fc.constantFrom("prompt", "input", "text", "token_ids", "input_ids", "items", "prompt_embeds"), input),
  fc.tuple(
    fc.constantFrom("messages", "tools", "system", "instructions"),
    fc.oneof(fc.array(message, { maxLength: 4 }), input),
  ),
  fc.tuple(
    fc.constant("sampling_params"),
    fc.record({ max_tokens: number, max_new_tokens: fc.oneof(number, text) }, { requiredKeys: [] }),
  ),
  fc.tuple(fc.constant("features"), fc.jsonValue({ maxDepth: 3 })),
  fc.tuple(text, fc.jsonValue({ maxDepth: 3 })),
);
const good = {
  messages: fc.array(fc.record({ role: fc.constant("user"), content: fc.oneof(text, fc.array(part)) }), {
    minLength: 1,
  }),
  prompt: fc.oneof(text, fc.array(text, { minLength: 1 }), fc.array(fc.nat(200_000), { minLength: 1 })),
  input: fc.oneof(text, fc.array(fc.nat(200_000), { minLength: 1 })),
  items: fc.array(fc.dictionary(text, text), { minLength: 1 }),
  token_ids: fc.array(fc.nat(200_000), { minLength: 1, maxLength: 80 }),
  input_ids: fc.array(fc.nat(200_000), { minLength: 1, maxLength: 80 }),
};

/** A body and its path. Keys may repeat; most bodies have what their API needs. */
const request = fc.constantFrom(...paths).chain((path) => {
  const model = fc.tuple(
    fc.constant("model"),
    fc.oneof({ weight: 5, arbitrary: fc.constantFrom("m", "é\ud800") }, text),
  );
  const required = fc.tuple(fc.constant(needed[path]), fc.oneof({ weight: 5, arbitrary: good[needed[path]] }, input));
  const others = fc.array(member, { maxLength: 4 });
  const list = fc.tuple(others, fc.shuffledSubarray([0, 1, 2], { minLength: 2 }), model, required, others);
  return fc.record({ path: fc.constant(path), json: list.map(write) });
});

function write([before, order, model, required, behind]: readonly [
  readonly Member[],
  readonly number[],
  Member,
  Member,
  readonly Member[],
]): string {
  const list = [...before.slice(0, 1), ...order.flatMap((i) => [[model], [required], behind.slice(0, 2)][i] ?? [])];
  return `{${list.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`).join(", ")}}`;
}
type Member = readonly [key: string, value: unknown];

const sizes = fc.array(fc.nat(60), { maxLength: 6 });

/** What the facts of a body come to, every one of them read. */
function readAll(chunks: readonly Uint8Array[], at: string, needs: FactNeeds) {
  const facts = createRequestFacts({ path: at, header: () => undefined, body: chunks }, "r", { needs, parsers });
  const fault = facts.prepare();
  const { model, clientModel, stream, maxOutputTokens, promptTokens, promptText, multimodal, modelSpans } = facts;
  const lengths = [facts.tokenIds.length, facts.blockHashes.length, facts.blockHashesOf(16).length];
  facts.release();
  return {
    fault,
    model,
    clientModel,
    stream,
    maxOutputTokens,
    promptTokens,
    promptText,
    multimodal,
    modelSpans,
    lengths,
  };
}

it("reads any members of any API without a throw, the same in any chunks", () => {
  fc.assert(
    fc.property(request, sizes, ({ json, path: at }, cuts) => {
      const whole = readAll([Buffer.from(json)], at, allNeeds);
      expect(readAll(toChunks(json, cuts), at, allNeeds)).toEqual(whole);
      expect(readAll(toChunks(`\ufeff${json}`, cuts), at, allNeeds).fault === undefined).toBe(
        whole.fault === undefined,
      );
    }),
    { seed: 20_261_122, numRuns: 2_000 },
  );
});

it("tells model, stream and output cap of a valid body as parsing it does, and refuses no more unread than read", () => {
  let told = 0;
  fc.assert(
    fc.property(request, ({ json, path: at }) => {
      const unread = readAll([Buffer.from(json)], at, noNeeds);
      const read = readAll([Buffer.from(json)], at, allNeeds);
      if (unread.fault !== undefined) expect(read.fault).toBe(unread.fault);
      if (unread.fault !== undefined) return;
      told++;
      const parsed = JSON.parse(json) as Record<string, unknown>;
      const namesModel = parsers.find(at)!.namesModel(at);
      expect(unread.model).toBe(namesModel ? parsed.model : "");
      expect(unread.stream).toBe(parsed.stream === true);
      expect(unread.maxOutputTokens).toBe(capOf(parsed, at));
      for (const key of ["model", "stream", "maxOutputTokens"] as const) expect(read[key]).toBe(unread[key]);
    }),
    { seed: 20_261_123, numRuns: 2_000 },
  );
  expect(told).toBeGreaterThan(500);
});

it("reads any bytes behind the start of a body without a throw", () => {
  const start = fc.constantFrom(
    "",
    "{",
    '{"model":"m","prompt":',
    '{"model":"m","messages":[',
    '{"model":"m","token_ids":[1,',
  );
  fc.assert(
    fc.property(start, fc.uint8Array({ maxLength: 120 }), fc.constantFrom(...paths), (begin, bytes, at) => {
      const chunks = [Buffer.from(begin), bytes];
      const unread = readAll(chunks, at, noNeeds);
      const read = readAll(chunks, at, allNeeds);
      if (unread.fault !== undefined) expect(read.fault).toBe(unread.fault);
    }),
    { seed: 20_261_124, numRuns: 2_000 },
  );
});

function capOf(parsed: Record<string, unknown>, at: string): number {
  const sampling = parsed.sampling_params as Record<string, unknown> | null | undefined;
  const isOfSampling = at === "/inference/v1/generate" || at === "/generate";
  const ofSampling = at === "/generate" ? sampling?.max_new_tokens : sampling?.max_tokens;
  const ofBody = at === "/v1/messages" ? [parsed.max_tokens] : [parsed.max_completion_tokens, parsed.max_tokens];
  const caps = isOfSampling ? [ofSampling] : ofBody;
  const cap = caps.find((tokens) => Number.isInteger(tokens) && (tokens as number) > 0);
  return Math.min(Number(cap ?? 0), 2 ** 32 - 1);
}
