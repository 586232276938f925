import http from "node:http";
import https from "node:https";
import type { UnaryTarget } from "@outrider/transport";

/** What a unary call was answered. */
export interface HttpReply {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
  /** Whether the connection had been used before. */
  readonly isReused: boolean;
}

/** Speaks HTTP/1.1 to a plugin: a POST with a Content-Length at a time, over connections that it keeps. */
export interface HttpClient {
  /** @throws {Error} where there is no answer within `timeoutMs`. */
  post(path: string, body: string, headers: Readonly<Record<string, string>>, timeoutMs: number): Promise<HttpReply>;
  /** Ends all connections. */
  close(): void;
}

/** Connections at most, as many as a host opens. */
export const maxConnections = 16;

/** @param target where the plugin listens; nothing is opened before the first call. */
export function createHttpClient(target: UnaryTarget): HttpClient {
  const url = new URL(target.kind === "url" ? target.url : originOf(target));
  const { request, Agent } = url.protocol === "https:" ? https : http;
  const agent = new Agent({ keepAlive: true, maxSockets: maxConnections });
  const socketPath = target.kind === "socket" ? { socketPath: target.path } : {};
  const base = url.pathname.replace(/\/$/, "");
  const place = { hostname: url.hostname.replace(/^\[|\]$/g, ""), port: url.port, ...socketPath };

  return {
    post(path, body, headers, timeoutMs) {
      const bytes = Buffer.from(body);
      return new Promise((resolve, reject) => {
        const call = request({
          ...place,
          agent,
          method: "POST",
          path: `${base}${path}`,
          headers: { "content-type": "application/json", ...headers, "content-length": bytes.length },
        });
        call.setTimeout(timeoutMs, () => call.destroy(new Error(`no answer within ${timeoutMs} ms`)));
        call.once("error", reject);
        call.once("response", (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => chunks.push(chunk));
          response.once("error", reject);
          response.once("end", () => {
            const { statusCode: status = 0, headers: answered } = response;
            const text = Buffer.concat(chunks).toString("utf8");
            resolve({ status, headers: answered, text, isReused: call.reusedSocket });
          });
        });
        call.end(bytes);
      });
    },
    close: () => agent.destroy(),
  };
}

function originOf(target: Exclude<UnaryTarget, { readonly kind: "url" }>): string {
  return target.kind === "port" ? `http://127.0.0.1:${target.port}` : "http://localhost";
}
