import { isDeepStrictEqual } from "node:util";
import { Fields } from "../fields.ts";
import { decideFacts, defaultFlow } from "../host/facts.ts";
import { probeDoor, routed } from "../host/probe.ts";
import { exchangeJson, targetModel } from "../host/send-request.ts";
import { byShape } from "../shapes.ts";
import { compareReplies } from "../stream/compare.ts";
import { compareMetrics } from "../stream/metrics.ts";
import { fail, fromFault, NotApplicable, notApplicable, pass, type Verdict } from "../verdict.ts";
import { usageShapes } from "./handlers/usage.ts";

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
  ...usageShapes,
  { given: ["chunks"], want: ["response_size"], run: compareSize },
  {
    given: ["body", "target_model", "incoming_model", "content_type?"],
    want: ["body", "mutated?"],
    run: compareModelName,
  },
  {
    given: ["body", "dynamic_metadata"],
    want: ["last_reply_dynamic_metadata", "earlier_replies?"],
    run: compareReported,
  },
  { given: ["state", "reason"], want: ["replies"], run: () => notApplicable("eviction") },
  { given: ["state", "stream_context_error"], want: ["cause"], run: compareCause },
  {
    given: ["incoming_model", "target_model", "priority?", "received_to_complete_s?"],
    want: ["metric", "labels", "samples", "panics?"],
    run: compareMetric,
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

/** A GET whose response has the given chunks of body, the last one ending it. */
function respond(chunks: readonly string[], decided: Parameters<typeof routed>[1] = {}) {
  const bodies = chunks.map((body, i) => ({
    type: "response_body",
    body_text: body,
    end_of_stream: i === chunks.length - 1,
  }));
  return probeDoor(
    [
      { type: "request_headers", headers: { ":method": "GET", ":path": "/" }, end_of_stream: true },
      { type: "response_headers", headers: { ":status": "200" }, end_of_stream: false },
      ...bodies,
    ],
    { decide: (observer) => routed(observer, decided) },
  );
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

/** Numbers that a scheduler reports are told with the last of a response, and with nothing before it. */
async function compareReported(given: Fields, want: Fields): Promise<Verdict> {
  const namespaces = given.object("dynamic_metadata");
  const reports = Object.keys(namespaces.values).flatMap((namespace) =>
    Object.keys(namespaces.object(namespace).values).map((name) => ({
      namespace,
      name,
      value: namespaces.object(namespace).number(name),
    })),
  );
  if (want.has("earlier_replies") && want.string("earlier_replies") !== "none carry metadata")
    throw new NotApplicable("in words", want.string("earlier_replies"));
  const body = given.string("body");
  const { replies } = await respond([body.slice(0, 1), body.slice(1)], { reports: () => reports });
  const told = replies.filter(({ type }) => type.startsWith("response_")).map(({ dynamicMetadata }) => dynamicMetadata);
  const last = want.has("last_reply_dynamic_metadata") ? want.object("last_reply_dynamic_metadata").values : undefined;
  const isEarly = told.slice(0, -1).some((metadata) => metadata !== undefined);
  if (isEarly) return fail("an earlier reply carries metadata");
  return fromFault(
    isDeepStrictEqual(told.at(-1) ?? {}, last ?? {}) ? undefined : `the last carries ${JSON.stringify(told.at(-1))}`,
  );
}

/** A metric of an exchange whose response tells of tokens, for a model that the request's header rewrites. */
async function compareMetric(given: Fields, want: Fields): Promise<Verdict> {
  const priority = given.has("priority") ? given.number("priority") : 0;
  const headers = {
    "x-llm-d-model-name-rewrite": given.string("target_model"),
    "x-llm-d-inference-objective": "of-the-case",
  };
  const { fault } = await exchangeJson({
    model: given.string("incoming_model"),
    headers,
    response: JSON.stringify({ choices: [{ text: "hi" }], usage: { prompt_tokens: 3, completion_tokens: 10 } }),
    objectives: [{ name: "of-the-case", priority }],
    judge: (host) => {
      const wanted = { labels: want.strings("labels"), histogram_count: want.number("samples") };
      return compareMetrics(new Fields({ [want.string("metric")]: wanted }, "want"), host);
    },
  });
  return fault ?? pass();
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
