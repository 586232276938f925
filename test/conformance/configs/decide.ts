import { Fields } from "../fields.ts";
import { openHost } from "../host/host-under-test.ts";
import { answerRouted } from "../host/send-request.ts";
import { openExchange } from "../stream/exchange.ts";
import { toMessage } from "../stream/message.ts";
import type { PoolEndpoint } from "../stream/pool.ts";

/** A request as a client sends it. */
export interface ClientRequest {
  /** Default that of chat completions. */
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: Readonly<Record<string, unknown>>;
}

/** What became of it. */
export interface Decided {
  /** HTTP status of the refusal; 0 = it was routed. */
  readonly refusedStatus: number;
  /** Addresses of the pick and its fallbacks. */
  readonly destinations: readonly string[];
  /** Headers that the request carries besides the destination. */
  readonly headers: Readonly<Record<string, string>>;
}

/** Sends requests through one host of this configuration, one after the other. */
export async function decideEach(
  configText: string,
  pool: readonly PoolEndpoint[],
  requests: readonly ClientRequest[],
): Promise<readonly Decided[]> {
  const host = await openHost({ pool, configText });
  try {
    for (const { path = "/v1/chat/completions", headers = {}, body } of requests) {
      const exchange = openExchange(host.client);
      const all = { ":method": "POST", ":path": path, "content-type": "application/json", ...headers };
      const entries = [
        { type: "request_headers", headers: all, end_of_stream: false },
        { type: "request_body", body_text: JSON.stringify(body), end_of_stream: true },
      ];
      await exchange.send(entries.map((entry, i) => toMessage(new Fields(entry, "send"), i === 0)));
      await answerRouted(exchange);
      await exchange.close();
    }
    return host.decisions.map((decision) =>
      decision.kind === "refused"
        ? { refusedStatus: decision.status, destinations: [], headers: {} }
        : {
            refusedStatus: 0,
            destinations: decision.destinations,
            headers: Object.fromEntries(decision.setHeaders),
          },
    );
  } finally {
    await host.close();
  }
}
