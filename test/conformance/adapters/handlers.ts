import { createUsageReader } from "@outrider/core";
import { Fields } from "../fields.ts";
import { decideFacts, defaultFlow } from "../host/facts.ts";
import { probeDoor, routed } from "../host/probe.ts";
import { exchangeJson, targetModel } from "../host/send-request.ts";
import { byShape } from "../shapes.ts";
import { compareReplies } from "../stream/compare.ts";
import { fail, fromFault, NotApplicable, notApplicable, pass, type Verdict } from "../verdict.ts";

/** What the ext_proc handlers do with single messages. */
export const handlers = byShape([
  { given: ["headers"], want: ["valid", "trace_id?", "remote?"], run: () => notApplicable("tracing") },
  {
    given: ["headers"],
    want: ["stored_headers?", "objective?", "fairness_id?", "target_model?"],
    run: compareRequest,
  },
  {
    given: ["target_endpoint", "plugin_dynamic_metadata"],
    want: ["dynamic_metadata"],
    run: () => notApplicable("metadata of plugins"),
  },
  { given: ["emit_endpoint_scores", "target_endpoint", "scores"], want: ["dynamic_metadata"], run: compareScores },
  {
    given: ["body", "usage?", "end_of_stream?"],
    want: ["usage", "error?"],
    run(given, want) {
      if (want.boolean("error", false)) throw new NotApplicable("parsers", "bodies of responses are not judged");
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
  { given: ["chunks"], want: ["response_size"], run: compareSize },
  {
    given: ["content_type", "chunks"],
    want: ["streamed_events"],
    run: () => notApplicable("metrics of the reference", "events of a stream are not counted"),
  },
  {
    given: ["body", "target_model", "incoming_model", "content_type?"],
    want: ["body", "mutated?"],
    run: compareModelName,
  },
  {
    given: ["body", "dynamic_metadata"],
    want: ["last_reply_dynamic_metadata", "earlier_replies?"],
    async run(given) {
      if (given.has("dynamic_metadata")) return notApplicable("metadata of plugins");
      const { replies } = await respond([given.string("body")]);
      return fromFault(replies.some((reply) => isMetadataOfBody(reply)) ? "a body reply carries metadata" : undefined);
    },
  },
  { given: ["state", "reason"], want: ["replies"], run: () => notApplicable("eviction") },
  { given: ["state", "stream_context_error"], want: ["cause"], run: compareCause },
  {
    given: ["incoming_model", "target_model", "priority?", "received_to_complete_s?"],
    want: ["metric", "labels", "samples", "panics?"],
    run: (_given, want) => notApplicable("metrics of the reference", want.string("metric")),
  },
]);

async function compareRequest(given: Fields, want: Fields): Promise<Verdict> {
  const values = given.objects("headers").map((header) => header.values);
  const get = { type: "request_headers", header_values: values, end_of_stream: true };
  const { request } = await probeDoor([get]);
  if (request === undefined) return fail("the request did not reach the scheduler");
  for (const [name, value] of Object.entries(want.strings("stored_headers"))) {
    if (request.header(name) !== value) return fail(`${name} is not kept`);
  }
  const names = values.map(({ key }) => String(key).toLowerCase());
  const headers = Object.fromEntries(names.map((name) => [name, request.header(name) ?? ""]));
  const facts = await decideFacts(headers);
  const fairness = facts.fairnessId || (want.values.fairness_id === defaultFlow ? defaultFlow : "");
  const target = want.has("target_model") ? await targetModel(headers) : "";
  const found = { objective: facts.objective, fairness_id: fairness, target_model: target };
  for (const [name, value] of Object.entries(found)) {
    if (want.has(name) && want.string(name) !== value) return fail(`${name} is "${value}"`);
  }
  return pass();
}

/** Only a scheduler that is told to emit scores gives any to its door. */
async function compareScores(given: Fields, want: Fields): Promise<Verdict> {
  const destinations = given.string("target_endpoint").split(",");
  const scores = Object.entries(given.object("scores").values).map(
    ([endpoint, score]) => [endpoint, Number(score)] as const,
  );
  const told = given.boolean("emit_endpoint_scores") ? scores : [];
  const get = { type: "request_headers", headers: { ":method": "GET", ":path": "/" }, end_of_stream: true };
  const { replies } = await probeDoor([get], {
    decide: (observer) => routed(observer, { destinations, scores: told }),
  });
  const expected = new Fields({ type: "request_headers", ...want.values }, "want");
  return compareReplies([expected], replies, { sent: [], notes: "", isOlder: false }) ?? pass();
}

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
  const reader = createUsageReader();
  for (const chunk of chunks) reader.read(Buffer.from(chunk));
  const { promptTokens, outputTokens, cachedTokens } = reader.usage;
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

/** What a row leaves out is 0, but for the total, which it may leave to be summed. */
function isTold(name: string, wanted: Fields): boolean {
  return name !== "total" || wanted.has("total");
}

/** A GET whose response has the given chunks of body, the last one ending it. */
function respond(chunks: readonly string[]) {
  const bodies = chunks.map((body, i) => ({
    type: "response_body",
    body_text: body,
    end_of_stream: i === chunks.length - 1,
  }));
  return probeDoor([
    { type: "request_headers", headers: { ":method": "GET", ":path": "/" }, end_of_stream: true },
    { type: "response_headers", headers: { ":status": "200" }, end_of_stream: false },
    ...bodies,
  ]);
}

async function compareSize(given: Fields, want: Fields): Promise<Verdict> {
  const { responseChunks } = await respond(given.texts("chunks"));
  const bytes = Buffer.concat(responseChunks).length;
  return fromFault(bytes === want.number("response_size") ? undefined : `${bytes} bytes were seen`);
}

/** A response to a request whose model was rewritten by its header; without a client's model there is no rewrite. */
async function compareModelName(given: Fields, want: Fields): Promise<Verdict> {
  const { body } = await exchangeJson({
    model: given.string("incoming_model") || given.string("target_model"),
    headers: { "x-llm-d-model-name-rewrite": given.string("target_model") },
    contentType: given.has("content_type") ? given.string("content_type") : "application/json",
    response: given.string("body"),
  });
  if (body !== want.string("body")) return fail(`the body is ${body}`);
  const isChanged = body !== given.string("body");
  return fromFault(isChanged === want.boolean("mutated", isChanged) ? undefined : `it is changed: ${isChanged}`);
}

function isMetadataOfBody({ type, dynamicMetadata }: { type: string; dynamicMetadata: unknown }): boolean {
  return type === "response_body" && dynamicMetadata !== undefined;
}

async function compareCause(given: Fields, want: Fields): Promise<Verdict> {
  const state = `${given.string("state")}, ${given.values.stream_context_error}`;
  if (state !== "response-received, cancelled" || want.string("cause") !== "client-disconnect") {
    const reason = "an end without the last message always counts as a client that left";
    return notApplicable("upstream internals", `${state}: ${reason}`);
  }
  const { ends } = await probeDoor(
    [
      { type: "request_headers", headers: { ":method": "GET", ":path": "/" }, end_of_stream: true },
      { type: "response_headers", headers: { ":status": "200" }, end_of_stream: false },
    ],
    { ending: "half-close" },
  );
  return fromFault(String(ends) === "client_cancelled" ? undefined : `it ended as ${ends.join(", ") || "nothing"}`);
}
