import type { Adapter, RunContext } from "../adapter.ts";
import type { EppCase } from "../case-file.ts";
import { Fields } from "../fields.ts";
import { type HostSetup, type HostUnderTest, openHost } from "../host/host-under-test.ts";
import { refusedTypes } from "../host/load.ts";
import type { ObservedStream } from "../observation.ts";
import { checkSentences, isUnderstood } from "../properties.ts";
import { fail, fromFault, notApplicable, pass, type Verdict } from "../verdict.ts";
import { compareReplies } from "./compare.ts";
import { toHostConfig } from "./epp-config.ts";
import { type Exchange, openExchange } from "./exchange.ts";
import { joinExpected } from "./expected.ts";
import { compareMetrics } from "./metrics.ts";
import { type PoolEndpoint, toPool } from "./pool.ts";
import { joinBodies, type Reply } from "./reply.ts";
import { fillIn, saveValues } from "./save.ts";
import { postOf, type SendPlan, toSendPlan } from "./sentence-sends.ts";

const known = [
  ...["id", "name", "group", "level", "source", "notes", "modes", "config", "pods", "requires", "options", "endpoints"],
  ...["send", "expect", "streams", "expect_properties", "expect_metrics", "expect_spans", "want"],
];

/** Kinds of Kubernetes objects whose content stands in the configuration here. */
const inConfiguration = ["InferenceModelRewrite", "InferenceObjective"];

/** Repository of the reference before it was renamed. */
const olderReference = "llm-d-inference-scheduler";

/** Runs a case of real ext_proc streams: the levels `protocol`, `protocol-multi` and `derived`. */
export const runProtocol: Adapter = (testCase, context) => run(testCase, context, {});

/** The same with the headers of conformance suites obeyed. */
export const runConformance: Adapter = (testCase, context) => run(testCase, context, { conformance: true });

async function run(
  testCase: EppCase,
  { fixtures }: RunContext,
  setup: Pick<HostSetup, "conformance">,
): Promise<Verdict> {
  const refused = refuse(testCase);
  if (refused !== undefined) return refused;
  const streams = toStreams(testCase.fields);
  const maxEndpoints = Math.max(...streams.map((stream) => stream.maxEndpoints));
  const pool = toPool(testCase, maxEndpoints);
  const config = await toHostConfig(testCase, fixtures, maxEndpoints);
  const sentence = sentencesOf(testCase.fields).find((candidate) => !isUnderstood(candidate));
  if (sentence !== undefined && config.leftOut.size > 0) throw refusedTypes([...config.leftOut.values()]);
  if (sentence !== undefined) return notApplicable("in words", sentence);
  const host = await openHost({ pool, poolName: fixtures.poolName, configText: config.text, ...setup });
  try {
    const observed = await runStreams(streams, host, testCase.level === "derived");
    const verdict = await judge(testCase, observed, pool, host);
    if (config.leftOut.size === 0) return verdict;
    if (verdict.status === "fail")
      return isAboutChoice(verdict) ? refusedTypes([...config.leftOut.values()]).verdict : verdict;
    const types = `without ${[...config.leftOut.keys()].join(", ")}`;
    return { ...verdict, reason: [verdict.reason, types].filter(Boolean).join("; ") };
  } finally {
    await host.close();
  }
}

/** Which endpoint is chosen, and what pins it, is what a missing plugin may change; nothing else is excused by it. */
function isAboutChoice({ reason }: Verdict): boolean {
  return /sets x-gateway-destination-endpoint: |endpoint of stream|token of stream|carries (?:no|non-empty)/.test(
    reason,
  );
}

function refuse({ fields, level, notes }: EppCase): Verdict | undefined {
  const unknown = fields.unknown(known);
  if (unknown.length > 0) return notApplicable("unknown fields", unknown.join(", "));
  if (level === "note") return notApplicable("in words", notes);
  const objects = fields.texts("requires").filter((kind) => !inConfiguration.includes(kind));
  if (objects.length > 0) return notApplicable("kubernetes", `requires ${objects.join(", ")}`);
  return fields.has("options")
    ? notApplicable("unknown fields", `options ${JSON.stringify(fields.values.options)}`)
    : undefined;
}

function sentencesOf(fields: Fields): readonly string[] {
  return [...fields.texts("expect_properties"), ...(Array.isArray(fields.values.want) ? fields.texts("want") : [])];
}

/** One stream of a case. */
interface StreamPlan {
  readonly entries: readonly unknown[];
  readonly save: Readonly<Record<string, string>>;
  /** Number of the earlier stream it goes on with, from 1; 0 = a new one. */
  readonly onStream: number;
  readonly repeat: number;
  readonly maxEndpoints: number;
}

function toStreams(fields: Fields): readonly StreamPlan[] {
  const rows = fields.has("streams") ? fields.objects("streams") : [new Fields({ send: fields.list("send") }, "case")];
  return rows.map((row) => {
    const entries = row.list("send");
    const repeat = row.has("repeat") ? row.number("repeat") : 1;
    const onStream = row.has("on_stream") ? row.number("on_stream") : 0;
    return { entries, save: row.strings("save"), onStream, repeat, maxEndpoints: toSendPlan(entries).maxEndpoints };
  });
}

/** @param mustDecide whether a request that stops at its headers is brought to its decision. */
async function runStreams(
  plans: readonly StreamPlan[],
  host: HostUnderTest,
  mustDecide: boolean,
): Promise<readonly ObservedStream[]> {
  const exchanges: Exchange[] = [];
  const observed: (ObservedStream & { readonly exchange: Exchange })[] = [];
  let values: Readonly<Record<string, string>> = {};
  for (const plan of plans) {
    const earlier: Exchange[] = [];
    for (let run = 1; run <= plan.repeat; run++) {
      const exchange = observed[plan.onStream - 1]?.exchange ?? openExchange(host.client);
      exchanges.push(exchange);
      const decided = host.ends.length;
      await runSends(exchange, toSendPlan(fillIn(plan.entries, { ...values, run: `${exchanges.length}` })));
      if (mustDecide) await completeRequest(exchange);
      const saved = saveValues(plan.save, exchange.replies);
      values = { ...values, ...saved };
      if (run === plan.repeat) observed.push(observe(exchange, saved, host, decided, [...earlier]));
      earlier.push(exchange);
    }
  }
  for (const exchange of new Set(exchanges)) await exchange.close();
  await host.settled();
  return observed;
}

async function runSends(exchange: Exchange, plan: SendPlan): Promise<void> {
  await exchange.send(
    needsRequest(plan) && exchange.sent.length === 0 ? [...leadIn(), ...plan.messages] : plan.messages,
  );
  if (plan.cancels) await exchange.close();
}

/** What is derived from the protocol's text shows in the answer: headers alone are followed by a body. */
async function completeRequest(exchange: Exchange): Promise<void> {
  const [only, ...rest] = exchange.sent;
  if (only?.type !== "request_headers" || only.endOfStream || rest.length > 0) return;
  if (exchange.replies.some(({ type, setHeaders }) => type !== "request_headers" || setHeaders.length > 0)) return;
  await exchange.send(toSendPlan(postOf(100, 100)).messages.slice(1));
}

/** A gateway never sends a response without its request: a case that leaves it out gets one in front. */
function needsRequest({ messages }: SendPlan): boolean {
  return messages[0]?.type.startsWith("response_") ?? false;
}

function leadIn() {
  const headers = { ":method": "GET", ":path": "/v1/models" };
  return toSendPlan([{ type: "request_headers", headers, end_of_stream: true }]).messages;
}

/** What a stream shows, live until it is closed; of one that is repeated, the last. */
function observe(
  exchange: Exchange,
  saved: Readonly<Record<string, string>>,
  host: HostUnderTest,
  decided: number,
  earlier: readonly Exchange[],
): ObservedStream & { readonly exchange: Exchange } {
  const { sent, replies } = exchange;
  return {
    exchange,
    sent,
    replies,
    saved,
    earlier,
    get isOverdue() {
      return exchange.isOverdue;
    },
    get ends() {
      return host.ends[decided] ?? [];
    },
  };
}

async function judge(
  testCase: EppCase,
  streams: readonly ObservedStream[],
  pool: readonly PoolEndpoint[],
  host: HostUnderTest,
): Promise<Verdict> {
  const { fields, notes } = testCase;
  const isOlder = fields.object("source").values.repo === olderReference;
  const [first] = streams;
  const expected = fields.objects("expect");
  const replies = withoutLeadIn(first, toSendPlan(fields.list("send")));
  const verdict = compareReplies(expected, replies, { sent: first?.sent ?? [], notes, isOlder });
  if (verdict !== undefined) return verdict;
  const endpoints = pool.toSorted((a, b) => a.waitingRequests - b.waitingRequests).map(({ address }) => address);
  const fault = checkSentences(sentencesOf(fields), { streams, endpoints }) ?? orderFault(streams);
  if (fault !== undefined) return fromFault(fault);
  if (streams.some(({ isOverdue }) => isOverdue)) return fail("an answer that the protocol demands did not come");
  const metrics = await compareMetrics(fields.object("expect_metrics"), host);
  if (metrics !== undefined) return metrics;
  const spans = fields.texts("expect_spans");
  if (spans.length > 0) return notApplicable("tracing", spans.join(", "));
  return pass(expected.length === 0 ? "" : extras(replies, joinExpected(expected).length));
}

/** Replies less those to a request that the case does not have. */
function withoutLeadIn(stream: ObservedStream | undefined, plan: SendPlan): readonly Reply[] {
  const replies = stream?.replies ?? [];
  return needsRequest(plan) ? replies.filter(({ type }) => !type.startsWith("request_")) : replies;
}

/** Replies nobody listed are told, not counted as failures. */
function extras(replies: readonly Reply[], expected: number): string {
  const further = joinBodies(replies).slice(expected);
  return further.length === 0 ? "" : `further replies: ${further.map(({ type }) => type).join(", ")}`;
}

/** Whatever a case asks for, headers, body and trailers are answered in this order, each side for itself. */
function orderFault(streams: readonly ObservedStream[]): string | undefined {
  const order = ["headers", "body", "trailers"];
  for (const { replies } of streams) {
    for (const side of ["request", "response"]) {
      const parts = replies
        .filter(({ type }) => type.startsWith(side))
        .map(({ type }) => order.indexOf(type.slice(side.length + 1)));
      if (parts.some((part, i) => part < (parts[i - 1] ?? 0))) return `${side} is answered out of order`;
    }
  }
  return undefined;
}
