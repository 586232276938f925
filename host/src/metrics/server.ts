import { createServer, type Server, type ServerResponse } from "node:http";
import type { Registry } from "prom-client";
import { listen } from "../listen.ts";

/** The `/metrics` page on a port of its own, plain HTTP. */
export interface MetricsServer {
  /** Port it listens on. */
  readonly port: number;
  /** Ends open connections too. */
  close(): Promise<void>;
}

/**
 * Serves the registry in Prometheus' text form; who asks while a page is being made gets that page.
 * @param port 0 = any free one; on all interfaces. @throws the error of `listen`.
 */
export async function createMetricsServer(registry: Registry, port: number): Promise<MetricsServer> {
  let page: Promise<string> | undefined;
  const render = () => {
    page ??= registry.metrics().finally(() => {
      page = undefined;
    });
    return page;
  };
  const server = createServer({ keepAliveTimeout: 65_000 }, (request, response) => {
    const [path] = (request.url ?? "").split("?");
    if (path !== "/metrics") return send(response, 404, "there is only /metrics here\n");
    if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, "GET only\n");
    render().then(
      (text) => send(response, 200, text, registry.contentType),
      (error: unknown) => send(response, 500, `${String(error)}\n`),
    );
  });
  const { port: bound } = await listen(server, "", port);
  return { port: bound, close: () => close(server) };
}

function send(response: ServerResponse, status: number, text: string, contentType = "text/plain; charset=utf-8"): void {
  const bytes = Buffer.from(text);
  response.writeHead(status, { "content-type": contentType, "content-length": bytes.length });
  response.end(bytes);
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
