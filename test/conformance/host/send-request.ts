import { Fields } from "../fields.ts";
import { type Exchange, openExchange } from "../stream/exchange.ts";
import { toMessage } from "../stream/message.ts";
import { idleEndpoint, type PoolEndpoint } from "../stream/pool.ts";
import { headerOf, joinBodies, type Reply } from "../stream/reply.ts";
import type { Verdict } from "../verdict.ts";
import { type ConfigSections, type PluginEntry, toConfigText } from "./config-text.ts";
import { type HostSetup, type HostUnderTest, openHost } from "./host-under-test.ts";

/** A request with a JSON body. */
export interface JsonRequest {
  readonly body: Readonly<Record<string, unknown>>;
  readonly headers?: Readonly<Record<string, string>>;
}

/** What requests are sent through. */
export interface RequestSetup {
  readonly pool: readonly PoolEndpoint[];
  /** Types of the scorers; default by queue and by prefix. */
  readonly scorers?: readonly string[];
  /** Plugins that stand in no profile. */
  readonly plugins?: readonly PluginEntry[];
  /** Further sections of the configuration. */
  readonly sections?: ConfigSections;
  /** Longest list of endpoints that the picker gives; default 1. */
  readonly maxEndpoints?: number;
  /** Asked behind those of the configuration. */
  readonly screeners?: HostSetup["screeners"];
}

/** What the gateway was told. */
export interface JsonAnswer {
  /** Code of the refusal, as its text names it; `undefined` where the request was routed. */
  readonly refusedCode: string | undefined;
  /** HTTP status of the refusal; 0 where there is none. */
  readonly refusedStatus: number;
  /** What the client reads of the refusal; empty where there is none. */
  readonly message: string;
  /** Why it was dropped; `undefined` where that is not told. */
  readonly droppedReason: string | undefined;
  readonly destination: string | undefined;
  /** Body that goes on to the model server. */
  readonly body: Buffer | undefined;
}

const defaultScorers = ["queue-scorer", "prefix-cache-scorer"];

/** Sends requests through one whole host, one after another. */
export async function sendEach(setup: RequestSetup, requests: readonly JsonRequest[]): Promise<readonly JsonAnswer[]> {
  const { pool, screeners = [] } = setup;
  const host = await openHost({ pool, configText: toSetupText(setup), screeners });
  try {
    const answers: JsonAnswer[] = [];
    for (const request of requests) answers.push(await sendTo(host, request));
    return answers;
  } finally {
    await host.close();
  }
}

/** Sends one request through a whole host of its own. */
export async function sendRequest(request: JsonRequest, setup: RequestSetup): Promise<JsonAnswer> {
  const [answer] = await sendEach(setup, [request]);
  if (answer === undefined) throw new Error("the request was not sent");
  return answer;
}

/** Endpoints at these addresses, the one with the shortest queue first. */
export function poolOf(addresses: readonly string[]): readonly PoolEndpoint[] {
  return addresses.map((address, i) => idleEndpoint(address, i, i));
}

/** The configuration that a setup comes to. */
export function toSetupText({
  scorers = defaultScorers,
  plugins = [],
  sections,
  maxEndpoints = 1,
}: RequestSetup): string {
  const picker = { type: "max-score-picker", parameters: { maxNumOfEndpoints: maxEndpoints } };
  const members = [...scorers.map((type) => ({ type })), picker];
  const schedulingProfiles = [{ name: "default", plugins: members.map(({ type }) => ({ pluginRef: type })) }];
  return toConfigText({ plugins: [...members, ...plugins], schedulingProfiles, ...sections });
}

async function sendTo(host: HostUnderTest, { body, headers = {} }: JsonRequest): Promise<JsonAnswer> {
  const exchange = openExchange(host.client);
  const path = "messages" in body ? "/v1/chat/completions" : "/v1/completions";
  const all = { ":method": "POST", ":path": path, "content-type": "application/json", ...headers };
  const entries = [
    { type: "request_headers", headers: all, end_of_stream: false },
    { type: "request_body", body_text: JSON.stringify(body), end_of_stream: true },
  ];
  await exchange.send(entries.map((entry, i) => toMessage(new Fields(entry, "send"), i === 0)));
  await answerRouted(exchange);
  await exchange.close();
  return toAnswer(joinBodies(exchange.replies));
}

/** Has the model server answer, where the request went to one: what is never answered was never computed. */
export async function answerRouted(exchange: Exchange): Promise<void> {
  if (exchange.replies.some(({ type }) => type === "immediate_response")) return;
  const headers = { ":status": "200", "content-type": "application/json" };
  const entries = [
    { type: "response_headers", headers, end_of_stream: false },
    { type: "response_body", body_text: "{}", end_of_stream: true },
  ];
  await exchange.send(entries.map((entry) => toMessage(new Fields(entry, "send"), false)));
}

function toAnswer(replies: readonly Reply[]): JsonAnswer {
  const refused = replies.find(({ type }) => type === "immediate_response");
  const message = refused?.body.toString() ?? "";
  return {
    refusedCode: refused && (/^inference error: (\w*) - /.exec(message)?.[1] ?? `status ${refused.status}`),
    refusedStatus: refused?.status ?? 0,
    message,
    droppedReason: headerOf(refused, "x-llm-d-request-dropped-reason"),
    destination: headerOf(replies[0], "x-gateway-destination-endpoint"),
    body: replies.find(({ type }) => type === "request_body")?.body,
  };
}

/** A request for a model, and the response to it. */
export interface JsonExchange {
  /** Model that the client names in the body. */
  readonly model: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the response; default JSON. */
  readonly contentType?: string;
  /** Body of the response; default an empty object. */
  readonly response?: string;
  /** Default none. */
  readonly objectives?: readonly { readonly name: string; readonly priority: number }[];
  /** Asks the host once the exchange is over. */
  readonly judge?: (host: HostUnderTest) => Promise<Verdict | undefined>;
}

/** What became of both. */
export interface JsonExchanged {
  /** Body of the request, as it is passed on. */
  readonly sent: string;
  /** That of the response. */
  readonly body: string;
  /** What was found wrong behind it. */
  readonly fault: Verdict | undefined;
}

/** Sends both through the whole host. */
export async function exchangeJson(given: JsonExchange): Promise<JsonExchanged> {
  const { model, headers, contentType = "application/json", response = "{}", objectives = [], judge } = given;
  const configText = toConfigText({ plugins: [{ type: "random-picker" }], objectives });
  const host = await openHost({ pool: [idleEndpoint("192.168.1.1:8000", 0)], configText });
  try {
    const exchange = openExchange(host.client);
    const all = { ":method": "POST", ":path": "/v1/completions", ...headers };
    const entries = [
      { type: "request_headers", headers: all, end_of_stream: false },
      { type: "request_body", body_text: JSON.stringify({ model, prompt: "p" }), end_of_stream: true },
      { type: "response_headers", headers: { ":status": "200", "content-type": contentType }, end_of_stream: false },
      { type: "response_body", body_text: response, end_of_stream: true },
    ];
    await exchange.send(entries.map((entry, i) => toMessage(new Fields(entry, "send"), i === 0)));
    await exchange.close();
    const replies = joinBodies(exchange.replies);
    const bodyOf = (type: string) => replies.find((reply) => reply.type === type)?.body.toString() ?? "";
    return { sent: bodyOf("request_body"), body: bodyOf("response_body"), fault: await judge?.(host) };
  } finally {
    await host.close();
  }
}

/** Model that a request with these headers is passed on for, its client naming another. */
export async function targetModel(headers: Readonly<Record<string, string>>): Promise<string> {
  const { sent } = await exchangeJson({ model: "of-the-client", headers });
  const { model } = JSON.parse(sent || "{}");
  return typeof model === "string" && model !== "of-the-client" ? model : "";
}
