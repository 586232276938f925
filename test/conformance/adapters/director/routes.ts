import { isDeepStrictEqual } from "node:util";
import { type Fields, isRecord } from "../../fields.ts";
import { type JsonRequest, poolOf, sendRequest } from "../../host/send-request.ts";
import type { Shape } from "../../shapes.ts";
import { differs, fail, fromFault, NotApplicable, pass, type Verdict } from "../../verdict.ts";
import { readRules } from "./rewrites.ts";

/** Address of the endpoint for requests whose destination does not matter. */
export const anyAddress = "192.168.1.1:8000";

/** Requests with bodies that are routed, or refused for what they say. */
export const routeShapes: readonly Shape[] = [
  {
    given: ["body", "objective?", "rewrite?"],
    want: ["target_pod?", "destination", "target_model?", "body?", "raw_body?"],
    run: compareRouted,
  },
  { given: ["body"], want: ["error_code"], run: compareRefused },
  { given: ["body", "admit_plugin"], want: ["error_code"], run: compareDenied },
];

/** A body in words is a chat with a message of each role. */
function toBody(given: Fields): JsonRequest["body"] {
  const { body } = given.values;
  if (isRecord(body)) return body;
  const roles = typeof body === "string" ? /^(\w+(?: \+ \w+)*) messages?$/.exec(body)?.[1]?.split(" + ") : undefined;
  if (roles === undefined) throw new NotApplicable("in words", String(body));
  return { model: "food-review", messages: roles.map((role) => ({ role, content: `from the ${role}` })) };
}

async function compareRouted(given: Fields, want: Fields): Promise<Verdict> {
  const body = toBody(given);
  const objective = given.has("objective") ? given.string("objective").split(" ")[0] : undefined;
  const headers = objective === undefined ? {} : { "x-llm-d-inference-objective": objective };
  const addresses = want.string("destination").split(",");
  const modelRewrites = given.has("rewrite") ? readRules([given.string("rewrite")]) : [];
  const setup = { pool: poolOf(addresses), maxEndpoints: addresses.length, sections: { modelRewrites } };
  const answer = await sendRequest({ body, headers }, setup);
  if (answer.refusedCode !== undefined) return fail(`refused with ${answer.refusedCode}`);
  if (answer.destination !== want.string("destination")) return fail(`the destination is ${answer.destination}`);
  if (want.has("target_pod") && !want.string("target_pod").endsWith(addresses[0] ?? ""))
    return fail(`the first endpoint is ${addresses[0]}`);
  const text = answer.body?.toString() ?? "{}";
  if (want.has("target_model") && JSON.parse(text).model !== want.string("target_model"))
    return fail(`the body is ${text}`);
  if (want.has("raw_body") && want.string("raw_body") !== "byte-identical")
    throw new NotApplicable("in words", want.string("raw_body"));
  return compareBody(text, body, want);
}

/** A body that changes says the same as the one that is wanted; any other is the same, byte for byte. */
function compareBody(text: string, sent: JsonRequest["body"], want: Fields): Verdict {
  const wanted = want.has("body") ? want.object("body").values : sent;
  const isSame = isDeepStrictEqual(wanted, sent)
    ? text === JSON.stringify(sent)
    : isDeepStrictEqual(JSON.parse(text), wanted);
  return fromFault(isSame ? undefined : `the body is ${text}`);
}

async function compareRefused(given: Fields, want: Fields): Promise<Verdict> {
  const { refusedCode } = await sendRequest({ body: toBody(given) }, { pool: poolOf([anyAddress]) });
  if (refusedCode === want.string("error_code")) return pass();
  return fail(refusedCode === undefined ? "it is routed" : `refused with ${refusedCode}`);
}

/** The one admitter there is, of a pool so full that it denies every request that may be denied. */
async function compareDenied(given: Fields, want: Fields): Promise<Verdict> {
  if (given.string("admit_plugin") !== "denies") throw new NotApplicable("in words", given.string("admit_plugin"));
  const [endpoint] = poolOf([anyAddress]);
  const objectives = [{ name: "sheddable", priority: -1 }];
  const detector = { type: "concurrency-detector" };
  const { refusedCode, droppedReason } = await sendRequest(
    { body: toBody(given), headers: { "x-llm-d-inference-objective": "sheddable" } },
    {
      pool: endpoint === undefined ? [] : [{ ...endpoint, waitingRequests: 1_000, kvCacheUsage: 1 }],
      plugins: [{ type: "probabilistic-admitter" }, detector],
      sections: { objectives, saturationDetector: { pluginRef: detector.type } },
    },
  );
  if (refusedCode === want.string("error_code")) return pass();
  const detail = `it is ${refusedCode === undefined ? "routed" : `refused with ${refusedCode}`}`;
  const isOwnCode = refusedCode === "ResourceExhausted" && droppedReason === "rejected-saturated";
  return isOwnCode && want.string("error_code") === "Internal"
    ? differs("denials keep their code", detail)
    : fail(detail);
}
