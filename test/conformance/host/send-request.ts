import { Fields } from "../fields.ts";
import { buildConfig } from "../stream/epp-config.ts";
import { openExchange } from "../stream/exchange.ts";
import { toMessage } from "../stream/message.ts";
import { idleEndpoint } from "../stream/pool.ts";
import { headerOf, joinBodies } from "../stream/reply.ts";
import { openHost } from "./host-under-test.ts";

/** A request with a JSON body. */
export interface JsonRequest {
  readonly body: Readonly<Record<string, unknown>>;
  /** Endpoints of the pool, the one with the shortest queue first; as many may be listed. */
  readonly addresses: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

/** What the gateway was told. */
export interface JsonAnswer {
  /** Code of the refusal, as its text names it; `undefined` where the request was routed. */
  readonly refusedCode: string | undefined;
  readonly destination: string | undefined;
  /** Body that goes on to the model server. */
  readonly body: Buffer | undefined;
}

/** Sends a request through the whole host, configured with a scorer of queues. */
export async function sendRequest({ body, addresses, headers = {} }: JsonRequest): Promise<JsonAnswer> {
  const pool = addresses.map((address, i) => idleEndpoint(address, i, i));
  const members = ["queue-scorer", "prefix-cache"].map((type) => ({ type, weight: undefined }));
  const { text } = await buildConfig(members, addresses.length);
  const host = await openHost({ pool, configText: text });
  try {
    const exchange = openExchange(host.client);
    const path = "messages" in body ? "/v1/chat/completions" : "/v1/completions";
    const all = { ":method": "POST", ":path": path, "content-type": "application/json", ...headers };
    const entries = [
      { type: "request_headers", headers: all, end_of_stream: false },
      { type: "request_body", body_text: JSON.stringify(body), end_of_stream: true },
    ];
    await exchange.send(entries.map((entry, i) => toMessage(new Fields(entry, "send"), i === 0)));
    await exchange.close();
    const replies = joinBodies(exchange.replies);
    const refused = replies.find(({ type }) => type === "immediate_response");
    return {
      refusedCode:
        refused && (/^inference error: (\w*) - /.exec(refused.body.toString())?.[1] ?? `status ${refused.status}`),
      destination: headerOf(replies[0], "x-gateway-destination-endpoint"),
      body: replies.find(({ type }) => type === "request_body")?.body,
    };
  } finally {
    await host.close();
  }
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
}

/** Sends both through the whole host: the request's body and the response's, as they are passed on. */
export async function exchangeJson({
  model,
  headers,
  contentType = "application/json",
  response = "{}",
}: JsonExchange): Promise<{ readonly sent: string; readonly body: string }> {
  const host = await openHost({ pool: [idleEndpoint("192.168.1.1:8000", 0)] });
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
    return { sent: bodyOf("request_body"), body: bodyOf("response_body") };
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
