import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import { AdminService } from "@outrider/protos/admin";
import { formatAddress } from "../datalayer/address.ts";
import { listen } from "../listen.ts";
import { type AccessCheck, checkUrl, createAccessCheck } from "./access.ts";
import { isLoopback, type ListenAddress } from "./address.ts";
import { type AdminSources, createAdminService } from "./service.ts";

/** How the admin interface is reached. */
export interface AdminOptions extends AdminSources {
  readonly address: ListenAddress;
  /** Asked for by every procedure; `undefined` = none, and only loopback will do. */
  readonly token: string | undefined;
}

/** The admin interface, listening. */
export interface AdminServer {
  /** `ip:port` it listens on. */
  readonly address: string;
  /** Ends open connections too. */
  close(): Promise<void>;
}

/** Largest request that is read. */
const maxRequestBytes = 64 * 1024;

/**
 * Serves `/healthz`, `/readyz` and `outrider.admin.v1` over HTTP/1.1.
 * @throws {RangeError} where others than this machine could ask and no token is wanted; the error of `listen`.
 */
export async function createAdminServer({ address, token, ...sources }: AdminOptions): Promise<AdminServer> {
  if (token === undefined && !isLoopback(address.host)) {
    throw new RangeError(`the admin interface needs a token to listen on ${address.host || "all interfaces"}`);
  }
  const server = createServer(createHandler(sources, createAccessCheck(token)));
  const { address: ip, port } = await listen(server, address.host, address.port);
  return { address: formatAddress(ip, port), close: () => close(server) };
}

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

function createHandler(sources: AdminSources, deny: AccessCheck): Handler {
  const procedures = connectNodeAdapter({
    routes: (router) => void router.service(AdminService, createAdminService(sources)),
    acceptCompression: [],
    readMaxBytes: maxRequestBytes,
    fallback: (_, response) => sendText(response as ServerResponse, 404, "no such page; try /healthz or /readyz\n"),
  });
  return (request, response) => {
    const [path] = (request.url ?? "").split("?");
    if (path === "/healthz") return sendText(response, 200, "ok\n");
    if (path === "/readyz") return sendReadiness(response, sources.readiness());
    const denial = deny(request) ?? checkUrl(request);
    if (denial === undefined) return procedures(request, response);
    const { status, code, message } = denial;
    response.writeHead(status, { "content-type": "application/json", "www-authenticate": "Bearer" });
    response.end(JSON.stringify({ code, message }));
  };
}

function sendReadiness(response: ServerResponse, reasons: readonly string[]): void {
  if (reasons.length === 0) sendText(response, 200, "ready\n");
  else sendText(response, 503, `${reasons.join("\n")}\n`);
}

function sendText(response: ServerResponse, status: number, text: string): void {
  response.writeHead(status, { "content-type": "text/plain; charset=utf-8" });
  response.end(text);
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}
