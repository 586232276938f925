import { createHash, timingSafeEqual } from "node:crypto";
import { chmodSync, unlinkSync } from "node:fs";
import http2 from "node:http2";
import net from "node:net";
import { endGrpc, refuseGrpc } from "./grpc-reply.ts";
import { answerHealth } from "./health.ts";
import type { PluginServer } from "./plugin-server.ts";
import type { PluginSession } from "./plugin-session.ts";

/** Where a plugin listens. */
export type ListenAddress =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "port"; readonly port: number };

/** A plugin that can be reached. */
export interface ListeningPlugin {
  /** Port that was taken; 0 for a socket. */
  readonly port: number;
  /** Takes no further connections and ends those there are, when what was written to them is on its way. */
  close(): Promise<void>;
}

const sessionPath = "/outrider.scorer.v1.ScorerService/Session";
const healthPath = "/grpc.health.v1.Health/Check";

/** Longest wait for hosts to take their leave, in ms. */
const goodbyeMs = 500;

/** Receive window of a stream: a host brings whole tables of endpoints. */
const windowBytes = 4 * 1024 * 1024;

/**
 * Serves Session and health over HTTP/2 in the clear: on a socket that only this user may open, or on a port of the
 * loopback interface.
 * @param token what a host must send as `authorization: Bearer`; empty = nothing. Health is answered without.
 */
export async function listen(server: PluginServer, address: ListenAddress, token: string): Promise<ListeningPlugin> {
  const http = http2.createServer({ settings: { initialWindowSize: windowBytes } });
  const connections = new Set<http2.ServerHttp2Session>();
  const sessions = new Set<PluginSession>();
  http.on("session", (connection) => {
    connections.add(connection);
    connection.setLocalWindowSize(windowBytes);
    connection.once("close", () => connections.delete(connection));
  });
  // A connection that breaks is its host's affair.
  http.on("sessionError", () => {});
  const accept = (stream: http2.ServerHttp2Stream) => {
    const session = openSession(stream, server);
    sessions.add(session);
    stream.once("close", () => sessions.delete(session));
  };
  http.on("stream", (stream, headers) => route(stream, headers, token, accept));
  await open(http, address);
  return {
    port: address.kind === "port" ? (http.address() as net.AddressInfo).port : 0,
    async close() {
      const closed = new Promise<void>((resolve) => http.close(() => resolve()));
      for (const session of sessions) session.end("unavailable", "the plugin ends");
      for (const connection of connections) connection.close();
      const timer = setTimeout(() => destroyAll(connections), goodbyeMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function destroyAll(connections: Iterable<http2.ServerHttp2Session>): void {
  for (const connection of connections) connection.destroy();
}

function route(
  stream: http2.ServerHttp2Stream,
  headers: http2.IncomingHttpHeaders,
  token: string,
  accept: (stream: http2.ServerHttp2Stream) => void,
): void {
  // Its end is seen by `close`.
  stream.on("error", () => {});
  const path = headers[":path"];
  if (path === healthPath) answerHealth(stream);
  else if (path !== sessionPath) refuseGrpc(stream, "unimplemented", `no ${path} here`);
  else if (!isBearer(headers.authorization, token)) refuseGrpc(stream, "unauthenticated", "the token is not mine");
  else accept(stream);
}

function openSession(stream: http2.ServerHttp2Stream, server: PluginServer): PluginSession {
  stream.respond({ ":status": 200, "content-type": "application/grpc" }, { waitForTrailers: true });
  let status = { code: "ok", message: "" };
  stream.on("wantTrailers", () => endGrpc(stream, status.code, status.message));
  const session = server.connect({
    write: (frame) => stream.write(frame),
    end: (code, message) => {
      status = { code, message };
      stream.end();
    },
  });
  stream.on("data", (chunk: Buffer) => session.received(chunk));
  stream.on("end", () => session.end("ok", ""));
  stream.on("close", () => session.closed());
  return session;
}

function isBearer(authorization: string | undefined, token: string): boolean {
  if (token === "") return true;
  return timingSafeEqual(digest(authorization ?? ""), digest(`Bearer ${token}`));
}

function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

async function open(http: http2.Http2Server, address: ListenAddress): Promise<void> {
  if (address.kind === "port") return listening(http, () => http.listen(address.port, "127.0.0.1"));
  const { path } = address;
  await listening(http, () => http.listen(path)).catch(async (cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EADDRINUSE" || (await isAnswered(path))) throw cause;
    unlinkSync(path);
    await listening(http, () => http.listen(path));
  });
  chmodSync(path, 0o600);
}

function listening(http: http2.Http2Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    http.once("error", reject);
    http.once("listening", () => {
      http.off("error", reject);
      resolve();
    });
    start();
  });
}

/** Whether somebody listens on a socket, or a process that is gone has left it behind. */
function isAnswered(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = net.connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
