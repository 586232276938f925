import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { parseServerFaults, type ServerFaults } from "./faults.ts";
import { sendJson } from "./respond.ts";
import type { FleetStats } from "./stats.ts";

/** What can be asked of a fleet from outside. */
export interface Controlled {
  /** What it has done and does. */
  stats(): FleetStats;
  /** Replaces all faults of a server, or of every one for `*`. */
  fault(endpoint: string, faults: ServerFaults): Promise<void>;
}

/** The control API while it listens. */
export interface Control {
  /** Where. */
  readonly url: string;
  /** Ends it. */
  close(): Promise<void>;
}

/**
 * Serves the control API on loopback: `GET /stats`, and `POST /faults` with `{endpoint, faults}`, which answers
 * `{error}` with status 400 for what it does not know.
 */
export async function startControl(port: number, controlled: Controlled): Promise<Control> {
  const server = createServer((request, response) => {
    answer(controlled, request, response).catch((error: unknown) => {
      sendJson(response, 400, JSON.stringify({ error: error instanceof Error ? error.message : String(error) }));
    });
  });
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, "close");
      server.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(controlled: Controlled, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const route = `${request.method} ${request.url}`;
  if (route === "GET /stats") return sendJson(response, 200, JSON.stringify(controlled.stats()));
  if (route !== "POST /faults") return sendJson(response, 404, JSON.stringify({ error: `no ${route} here` }));
  const { endpoint, faults } = parseOrder(await text(request));
  await controlled.fault(endpoint, faults);
  sendJson(response, 200, "{}");
}

function parseOrder(body: string): { readonly endpoint: string; readonly faults: ServerFaults } {
  const order: unknown = JSON.parse(body);
  if (typeof order !== "object" || order === null || !("endpoint" in order) || typeof order.endpoint !== "string") {
    throw new TypeError("an order has an endpoint");
  }
  return { endpoint: order.endpoint, faults: parseServerFaults("faults" in order ? order.faults : undefined) };
}
