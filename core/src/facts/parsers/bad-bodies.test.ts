import { describe, expect, it } from "vitest";
import { type FactNeeds, readsPrompt } from "../fact-needs.ts";
import { createRequestFacts } from "../request-facts.ts";
import { createAnthropicParser } from "./anthropic-parser.ts";
import { createOpenaiParser } from "./openai-parser.ts";
import { createPassthroughParser } from "./passthrough-parser.ts";
import { createRequestParsers } from "./request-parsers.ts";
import { createSglanghttpParser } from "./sglanghttp-parser.ts";
import { createVllmhttpParser } from "./vllmhttp-parser.ts";

const parsers = createRequestParsers([
  createOpenaiParser(),
  createAnthropicParser(),
  createVllmhttpParser(),
  createSglanghttpParser(),
  createPassthroughParser(),
]);
const noNeeds: FactNeeds = {
  promptText: false,
  tokenIds: false,
  multimodal: false,
  blockSizesTokens: [],
  answerBlocks: false,
  headers: [],
};
const allNeeds: FactNeeds = {
  promptText: true,
  tokenIds: true,
  multimodal: true,
  blockSizesTokens: [16],
  answerBlocks: false,
  headers: [],
};

function faultOf(path: string, body: string | Uint8Array, needs = noNeeds): string | undefined {
  const source = { path, header: () => undefined, body: [Buffer.from(body)] };
  return createRequestFacts(source, "r", { needs, parsers }).prepare();
}

const CHAT = "/v1/chat/completions";
const COMPLETIONS = "/v1/completions";
const EMBEDDINGS = "/v1/embeddings";
const RESPONSES = "/v1/responses";
const MESSAGES = "/v1/messages";
const VLLM = "/inference/v1/generate";
const SGLANG = "/generate";

const noMessages = "invalid chat completions request: must have valid messages field";
const noPrompt = "invalid completions request: must have prompt field";
const noInput = "invalid embeddings request: must have input field";
const noResponsesInput = "invalid responses request: must have input field";
const noMessage = "invalid messages request: must have at least one message";
const noTokenIds = "invalid generate request: must have non-empty token_ids field";
const noInputIds = "invalid generate request: input_ids or text must be provided";

/** Members that are refused without the body being parsed. */
const refused = [
  { path: CHAT, members: "", message: noMessages },
  { path: CHAT, members: ',"messages":[]', message: noMessages },
  { path: CHAT, members: ',"messages":[ \n\t]', message: noMessages },
  { path: CHAT, members: ',"messages":null', message: noMessages },
  { path: CHAT, members: ',"messages":"Hi"', message: noMessages },
  { path: CHAT, members: ',"messages":{"role":"user"}', message: noMessages },
  { path: CHAT, members: ',"messages":[{"role":"user"}],"messages":[]', message: noMessages },
  { path: CHAT, members: ',"prompt":"p"', message: noMessages },
  { path: `${CHAT}/render`, members: ',"messages":[]', message: noMessages },
  { path: COMPLETIONS, members: "", message: noPrompt },
  { path: COMPLETIONS, members: ',"prompt":""', message: noPrompt },
  { path: COMPLETIONS, members: ',"prompt":[]', message: noPrompt },
  { path: COMPLETIONS, members: ',"prompt":null', message: noPrompt },
  { path: COMPLETIONS, members: ',"prompt":5', message: noPrompt },
  { path: COMPLETIONS, members: ',"prompt":{"a":1}', message: noPrompt },
  { path: COMPLETIONS, members: ',"messages":[{}]', message: noPrompt },
  { path: "", members: ',"prompt":false', message: noPrompt },
  { path: EMBEDDINGS, members: ',"input":""', message: noInput },
  { path: EMBEDDINGS, members: ',"input":[]', message: noInput },
  { path: RESPONSES, members: ',"input":null', message: noResponsesInput },
  { path: RESPONSES, members: ',"messages":[{}]', message: noResponsesInput },
  {
    path: "/v1/conversations",
    members: ',"items":[]',
    message: "invalid conversations request: must have items field",
  },
  {
    path: "/v1/images/generations",
    members: ',"prompt":["a"]',
    message: "invalid images generations request: must have prompt field",
  },
  { path: MESSAGES, members: ',"messages":[]', message: noMessage },
  { path: MESSAGES, members: ',"system":"s"', message: noMessage },
  { path: VLLM, members: "", message: noTokenIds },
  { path: VLLM, members: ',"token_ids":[]', message: noTokenIds },
  { path: VLLM, members: ',"token_ids":"1"', message: noTokenIds },
  { path: SGLANG, members: ',"input_ids":[]', message: noInputIds },
  { path: SGLANG, members: ',"input_ids":null,"text":""', message: noInputIds },
];
describe("a body is refused, read or not, at", () => {
  for (const { path, members, message } of refused) {
    it(`${path || "no path"} with {"model":"m"${members}}`, () => {
      for (const needs of [noNeeds, allNeeds]) expect(faultOf(path, `{"model":"m"${members}}`, needs)).toBe(message);
    });
  }

  const noJson = [
    "",
    " ",
    "null",
    "[]",
    '"a"',
    "no healthy upstream",
    "--b\r\nContent-Disposition: form-data\r\n",
    "\0\0",
  ];
  for (const body of noJson) {
    it(`any API with ${JSON.stringify(body)}`, () => {
      for (const path of [CHAT, COMPLETIONS, EMBEDDINGS, RESPONSES, MESSAGES, VLLM, SGLANG]) {
        expect(faultOf(path, body)).toContain("request body is not a JSON object");
      }
    });
  }
});

/** Members that only show when the prompt is read. */
const found = [
  { path: COMPLETIONS, members: ',"prompt":[1,"a"]', message: "token ids" },
  { path: COMPLETIONS, members: ',"prompt":["a",1]', message: "not both" },
  { path: COMPLETIONS, members: ',"prompt":[1,-1]', message: "token ids" },
  { path: COMPLETIONS, members: ',"prompt":[0.5]', message: "token ids" },
  { path: COMPLETIONS, members: ',"prompt":[4294967296]', message: "token ids" },
  { path: COMPLETIONS, members: ',"prompt":[1e400]', message: "token ids" },
  { path: COMPLETIONS, members: ',"prompt":[null]', message: "token ids" },
  { path: COMPLETIONS, members: ',"prompt":[[1],[null]]', message: "token ids" },
  { path: CHAT, members: ',"messages":[null]', message: "messages[0]" },
  { path: CHAT, members: ',"messages":[{"role":"user","content":[null]}]', message: "messages[0]" },
  { path: CHAT, members: ',"messages":[{"role":"user","content":"\ud800"}],"a":nul', message: "cannot be read" },
  { path: CHAT, members: ',"messages":[{"role":"user","content":"line\nbreak"}]', message: "cannot be read" },
  { path: MESSAGES, members: ',"system":5,"messages":[{"role":"user","content":"a"}]', message: "system" },
  { path: VLLM, members: ',"token_ids":[1,-1]', message: "token_ids" },
  { path: SGLANG, members: ',"input_ids":["a"]', message: "input_ids" },
];
describe("a body is refused where its prompt is read, and goes on where it is not, at", () => {
  for (const { path, members, message } of found) {
    it(`${path} with ${members.slice(1)}`, () => {
      const body = `{"model":"m"${members}}`;
      expect(readsPrompt(noNeeds)).toBe(false);
      expect(faultOf(path, body)).toBeUndefined();
      expect(faultOf(path, body, allNeeds)).toContain(message);
    });
  }
});

const deep = (levels: number) => `${"[".repeat(levels)}1${"]".repeat(levels)}`;

/** Members that are odd, and fine. */
const taken = [
  {
    title: "escaped lone surrogates",
    path: CHAT,
    members: String.raw`,"messages":[{"role":"user","content":"\ud800"}]`,
  },
  { title: "NUL characters", path: COMPLETIONS, members: String.raw`,"prompt":"\u0000"` },
  { title: "nulls", path: CHAT, members: ',"messages":[{"role":"user","content":null}],"tools":null,"stream":null' },
  {
    title: "an empty text among parts",
    path: CHAT,
    members: ',"messages":[{"role":"user","content":[{"type":"text","text":""}]}]',
  },
  {
    title: "tool calls",
    path: CHAT,
    members: ',"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"1"}]}]',
  },
  { title: "JSON 1,000 deep", path: CHAT, members: `,"messages":[{"role":"user","content":"a"}],"x":${deep(1_000)}` },
  { title: "a part 1,000 deep", path: CHAT, members: `,"messages":[{"role":"user","content":[{"a":${deep(1_000)}}]}]` },
  { title: "a huge number", path: COMPLETIONS, members: `,"prompt":"p","seed":1${"0".repeat(400)}` },
  { title: "the largest token ids", path: COMPLETIONS, members: ',"prompt":[0,4294967295,-0]' },
  { title: "lists of token ids", path: EMBEDDINGS, members: ',"input":[[1,2],[],[3]]' },
  { title: "a prototype", path: COMPLETIONS, members: ',"prompt":"p","__proto__":{"model":5},"constructor":1' },
  { title: "embeddings for a prompt", path: COMPLETIONS, members: ',"prompt":null,"prompt_embeds":"AAAA"' },
  { title: "a text for SGLang", path: SGLANG, members: ',"text":"p"' },
  { title: "an empty text for a response", path: RESPONSES, members: ',"input":""' },
  { title: "no items for a response", path: RESPONSES, members: ',"input":[]' },
  { title: "an input that is an object", path: RESPONSES, members: ',"input":{"a":1}' },
  {
    title: "instructions and tools of wrong types",
    path: RESPONSES,
    members: ',"input":"a","instructions":5,"tools":5',
  },
];
describe("a body is taken, read or not, with", () => {
  for (const { title, path, members } of taken) {
    it(title, () => {
      for (const needs of [noNeeds, allNeeds]) expect(faultOf(path, `{"model":"m"${members}}`, needs)).toBeUndefined();
    });
  }

  it("a byte order mark", () => {
    for (const needs of [noNeeds, allNeeds])
      expect(faultOf(COMPLETIONS, '\ufeff{"model":"m","prompt":"é"}', needs)).toBeUndefined();
  });

  it("bytes that are no UTF-8", () => {
    const body = Buffer.from('{"model":"m","prompt":"\xff\xfe"}', "latin1");
    for (const needs of [noNeeds, allNeeds]) expect(faultOf(COMPLETIONS, body, needs)).toBeUndefined();
  });

  it("a model that repeats, the last one counting", () => {
    expect(faultOf(COMPLETIONS, '{"model":5,"prompt":"p","model":"m"}')).toBeUndefined();
    expect(faultOf(COMPLETIONS, '{"model":"m","prompt":"p","model":5}')).toContain("must be a string");
  });

  it("any bytes where nobody looks", () => {
    for (const path of ["/v1/audio/transcriptions", "/v1/messages/count_tokens", "/"]) {
      for (const body of ["", "\0", "{", Buffer.from([0xff, 0xfe, 0, 0x80])]) {
        expect(faultOf(path, body, allNeeds)).toBeUndefined();
      }
    }
  });
});
