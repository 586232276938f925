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
