import { Fields } from "../../fields.ts";
import { openHost } from "../../host/host-under-test.ts";
import { probeDoor, routed } from "../../host/probe.ts";
import type { Shape } from "../../shapes.ts";
import { compareReplies } from "../../stream/compare.ts";
import { openExchange } from "../../stream/exchange.ts";
import { toMessage } from "../../stream/message.ts";
import { idleEndpoint } from "../../stream/pool.ts";
import { fail, fromFault, NotApplicable, notApplicable, pass, type Verdict } from "../../verdict.ts";
import { anyAddress } from "./routes.ts";

/** What is told of a decision, and what is seen of the response to it. */
export const responseShapes: readonly Shape[] = [
  { given: ["recorded_cause"], want: ["cause"], run: compareCause },
  { given: ["body?", "scheduler_targets", "scored_not_picked?"], want: ["destination", "scores"], run: compareScored },
  { given: ["x-request-id", "response_headers", "pod"], want: ["plugin_sees"], run: compareSeen },
];

const get = { ":method": "GET", ":path": "/v1/models" };

async function compareCause(given: Fields, want: Fields): Promise<Verdict> {
  if (given.has("recorded_cause")) return notApplicable("eviction", given.string("recorded_cause"));
  if (want.string("cause") !== "natural") throw new NotApplicable("upstream internals", want.string("cause"));
  const { ends } = await probeDoor([
    { type: "request_headers", headers: get, end_of_stream: true },
    { type: "response_headers", headers: { ":status": "200" }, end_of_stream: false },
    { type: "response_body", body_text: "done", end_of_stream: true },
  ]);
  return fromFault(String(ends) === "ok" ? undefined : `it ended as ${ends.join(", ") || "nothing"}`);
}

/** What a scheduler gives its door, picked and not, is what the gateway is told. */
async function compareScored(given: Fields, want: Fields): Promise<Verdict> {
  const picked = Object.entries(given.object("scheduler_targets").values);
  const scores = [...picked, ...Object.entries(given.object("scored_not_picked").values)].map(
    ([endpoint, score]) => [endpoint, Number(score)] as const,
  );
  const destinations = picked.map(([endpoint]) => endpoint);
  const { replies } = await probeDoor([{ type: "request_headers", headers: get, end_of_stream: true }], {
    decide: (observer) => routed(observer, { destinations, scores }),
  });
  const metadata = {
    "x-gateway-destination-endpoint": want.string("destination"),
    "x-gateway-destination-endpoint-scores": want.object("scores").values,
  };
  const expected = new Fields({ type: "request_headers", dynamic_metadata: { "envoy.lb": metadata } }, "want");
  return compareReplies([expected], replies, { sent: [], notes: "", isOlder: false }) ?? pass();
}

/** Whoever is told of a response knows its request, its headers and the endpoint that it came from. */
async function compareSeen(given: Fields, want: Fields): Promise<Verdict> {
  if (want.string("plugin_sees") !== "all three unchanged")
    throw new NotApplicable("in words", want.string("plugin_sees"));
  const requestId = given.string("x-request-id");
  const headers = given.strings("response_headers");
  const host = await openHost({ pool: [{ ...idleEndpoint(anyAddress, 0), id: given.string("pod") }] });
  try {
    const exchange = openExchange(host.client);
    const entries = [
      { type: "request_headers", headers: { ...get, "x-request-id": requestId }, end_of_stream: true },
      { type: "response_headers", headers: { ":status": "200", ...headers }, end_of_stream: true },
    ];
    await exchange.send(entries.map((entry, i) => toMessage(new Fields(entry, "send"), i === 0)));
    await exchange.close();
    const [answer] = host.answers;
    if (answer === undefined) return fail("nothing was told of the response");
    const { facts, snapshot, destination = [] } = host.record(answer.decisionId) ?? {};
    if (facts?.requestId !== requestId) return fail(`the request is ${facts?.requestId}`);
    const odd = Object.entries(headers).find(([name, value]) => answer.header(name.toLowerCase()) !== value);
    if (odd !== undefined) return fail(`${odd[0]} is ${answer.header(odd[0].toLowerCase())}`);
    const endpoint = snapshot?.at(destination[0] ?? -1)?.id;
    return fromFault(endpoint === given.string("pod") ? undefined : `the endpoint is ${endpoint}`);
  } finally {
    await host.close();
  }
}
