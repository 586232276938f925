import type { RequestFacts } from "@outrider/core";
import { Fields } from "../fields.ts";
import { openExchange } from "../stream/exchange.ts";
import { toMessage } from "../stream/message.ts";
import { idleEndpoint } from "../stream/pool.ts";
import { type PluginEntry, toConfigText } from "./config-text.ts";
import { openHost } from "./host-under-test.ts";

/** What the reference calls the flow of requests that name none; here it is empty. */
export const defaultFlow = "default-flow";

/**
 * What the host knows of a request without a body, by its headers.
 * @param plugins besides a picker.
 */
export async function decideFacts(
  headers: Readonly<Record<string, string>>,
  plugins: readonly PluginEntry[] = [],
): Promise<RequestFacts> {
  const configText = toConfigText({ plugins: [{ type: "random-picker" }, ...plugins] });
  const host = await openHost({ pool: [idleEndpoint("192.168.1.1:8000", 0)], configText });
  try {
    const exchange = openExchange(host.client);
    await exchange.send([
      toMessage(new Fields({ type: "request_headers", headers, end_of_stream: true }, "send"), true),
    ]);
    await exchange.close();
    const [decision] = host.decisions;
    const facts = decision?.kind === "routed" ? host.record(decision.decisionId)?.facts : undefined;
    if (facts === undefined) throw new Error("the request was not routed");
    return facts;
  } finally {
    await host.close();
  }
}
