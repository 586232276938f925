import type { Adapter } from "../adapter.ts";
import type { FeatureName } from "../features.ts";
import { Fields, isRecord } from "../fields.ts";
import { choose } from "../host/candidates.ts";
import { decideFacts, defaultFlow } from "../host/facts.ts";
import { probeDoor, routed } from "../host/probe.ts";
import { sendRequest } from "../host/send-request.ts";
import { byShape, type Shape } from "../shapes.ts";
import { compareReplies } from "../stream/compare.ts";
import { idleEndpoint } from "../stream/pool.ts";
import { fail, fromFault, NotApplicable, notApplicable, pass, type Verdict } from "../verdict.ts";
import { sessionTokenShapes } from "./director/session-tokens.ts";

/** Fields that a row has only when it is about a feature that is not built, or about the reference's insides. */
const featureFields: Readonly<Record<string, FeatureName>> = {
  plugin: "request-control plugins",
  plugin_error: "request-control plugins",
  plugin_errors: "request-control plugins",
  admit_plugin: "request-control plugins",
  response_headers: "request-control plugins",
  scenario: "request-control plugins",
  agent_identity_attribute: "agent identity",
  rewrite: "rewrite rules",
  targets: "rewrite rules",
  initial_target: "rewrite rules",
  scheduler: "upstream internals",
  prefer_header: "conditional decode",
  scheduling_result: "conditional decode",
};

/** Address of the endpoint for requests whose destination does not matter. */
const anyAddress = "192.168.1.1:8000";

const shapes: readonly Shape[] = [
  {
    given: ["pods"],
    want: ["endpoint"],
    async run(given, want) {
      const count = given.number("pods");
      const pool = Array.from({ length: count }, (_, i) => idleEndpoint(`192.168.1.${i + 1}:8000`, i));
      const { pick } = await choose(pool);
      const known = pool.some(({ address }) => address === pick);
      return (want.string("endpoint") === "none") === (pick === undefined) && (known || count === 0)
        ? pass()
        : fail(`picks ${pick}`);
    },
  },
  {
    given: ["headers"],
    want: ["fairness_id"],
    async run(given, want) {
      const fairnessId = (await decideFacts(given.strings("headers"))).fairnessId || defaultFlow;
      return fromFault(fairnessId === want.string("fairness_id") ? undefined : `it is "${fairnessId}"`);
    },
  },
  { given: ["body", "objective?"], want: ["target_pod?", "destination", "body?", "raw_body?"], run: compareRouted },
  { given: ["body"], want: ["error_code"], run: compareRefused },
  {
    given: ["rewrites", "model"],
    want: ["target_one_of"],
    async run(given, want) {
      if (given.list("rewrites").length > 0) return notApplicable("rewrite rules");
      const { body } = await sendRequest({
        body: { model: given.string("model"), prompt: "p" },
        addresses: [anyAddress],
      });
      const { model } = JSON.parse(body?.toString() ?? "{}");
      return fromFault(want.texts("target_one_of").includes(model) ? undefined : `the model is ${model}`);
    },
  },
  {
    given: ["plugins"],
    want: ["error", "invoked?"],
    async run(given) {
      if (given.values.plugins !== 0) return notApplicable("request-control plugins");
      const { refusedCode } = await sendRequest({ body: { model: "m", prompt: "p" }, addresses: [anyAddress] });
      return fromFault(refusedCode && `refused with ${refusedCode}`);
    },
  },
  {
    given: ["plugins"],
    want: ["invoked?", "error_wraps?", "error_text_contains?"],
    run: () => notApplicable("request-control plugins"),
  },
  { given: ["recorded_cause"], want: ["cause"], run: compareCause },
  { given: ["body?", "scheduler_targets", "scored_not_picked?"], want: ["destination", "scores"], run: compareScored },
  ...sessionTokenShapes,
];

/** The order of steps a request goes through. */
export const director: Adapter = (testCase, context) => {
  const feature = Object.keys(testCase.fields.object("given").values).find((name) =>
    Object.hasOwn(featureFields, name),
  );
  const named = feature === undefined ? undefined : featureFields[feature];
  return named === undefined ? byShape(shapes)(testCase, context) : notApplicable(named, feature);
};

async function compareRouted(given: Fields, want: Fields): Promise<Verdict> {
  const body = toBody(given);
  const objective = given.has("objective") ? given.string("objective").split(" ")[0] : undefined;
  const headers = objective === undefined ? {} : { "x-llm-d-inference-objective": objective };
  const answer = await sendRequest({ body, addresses: want.string("destination").split(","), headers });
  if (answer.refusedCode !== undefined) return fail(`refused with ${answer.refusedCode}`);
  if (answer.destination !== want.string("destination")) return fail(`the destination is ${answer.destination}`);
  if (want.has("raw_body") && want.string("raw_body") !== "byte-identical")
    throw new NotApplicable("in words", want.string("raw_body"));
  const wanted = JSON.stringify(want.has("body") ? want.object("body").values : body);
  return fromFault(answer.body?.toString() === wanted ? undefined : `the body is ${answer.body}`);
}

function toBody(given: Fields): Readonly<Record<string, unknown>> {
  const { body } = given.values;
  if (isRecord(body)) return body;
  throw new NotApplicable("in words", String(body));
}

/** A body that no rule of the top level refuses is one for the parsers. */
async function compareRefused(given: Fields, want: Fields): Promise<Verdict> {
  const body = toBody(given);
  const { refusedCode } = await sendRequest({ body, addresses: [anyAddress] });
  if (refusedCode === want.string("error_code")) return pass();
  const isComplete = typeof body.model === "string" && body.model !== "";
  if (refusedCode === undefined && isComplete) return notApplicable("parsers", "the value at fault is not read");
  return fail(refusedCode === undefined ? "it is routed" : `refused with ${refusedCode}`);
}

/** What a scheduler gives its door, picked and not, is what the gateway is told. */
async function compareScored(given: Fields, want: Fields): Promise<Verdict> {
  const picked = Object.entries(given.object("scheduler_targets").values);
  const scores = [...picked, ...Object.entries(given.object("scored_not_picked").values)].map(
    ([endpoint, score]) => [endpoint, Number(score)] as const,
  );
  const destinations = picked.map(([endpoint]) => endpoint);
  const { replies } = await probeDoor(
    [{ type: "request_headers", headers: { ":method": "GET", ":path": "/" }, end_of_stream: true }],
    { decide: (observer) => routed(observer, { destinations, scores }) },
  );
  const metadata = {
    "x-gateway-destination-endpoint": want.string("destination"),
    "x-gateway-destination-endpoint-scores": want.object("scores").values,
  };
  const expected = new Fields({ type: "request_headers", dynamic_metadata: { "envoy.lb": metadata } }, "want");
  return compareReplies([expected], replies, { sent: [], notes: "", isOlder: false }) ?? pass();
}

async function compareCause(given: Fields, want: Fields): Promise<Verdict> {
  if (given.has("recorded_cause")) return notApplicable("eviction", given.string("recorded_cause"));
  if (want.string("cause") !== "natural") throw new NotApplicable("upstream internals", want.string("cause"));
  const { ends } = await probeDoor([
    { type: "request_headers", headers: { ":method": "GET", ":path": "/" }, end_of_stream: true },
    { type: "response_headers", headers: { ":status": "200" }, end_of_stream: false },
    { type: "response_body", body_text: "done", end_of_stream: true },
  ]);
  return fromFault(String(ends) === "ok" ? undefined : `it ended as ${ends.join(", ") || "nothing"}`);
}
