import { createServer as createHttp1Server, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttp2Server, type ServerHttp2Session } from "node:http2";
import { createServer, type Server, type Socket } from "node:net";

/** Answers a request, whichever protocol it came by. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** The listener of one server. */
export interface HttpServer {
  /** What listens. */
  readonly listener: Server;
  /** Cuts every connection. */
  closeAllConnections(): void;
}

/** Long enough that no client meets a connection about to close for idleness. */
const keepAliveMs = 65_000;
/** How a connection over HTTP/2 begins, and one over HTTP/1.1 never does (RFC 9113, 3.4). */
const preface = "PRI ";

/** A server of HTTP/1.1. */
export function createHttp1(answer: Answer): HttpServer {
  const listener = createHttp1Server({ keepAliveTimeout: keepAliveMs, requestTimeout: 0, maxHeaderSize: 2 ** 17 });
  listener.on("request", answer);
  return { listener, closeAllConnections: () => listener.closeAllConnections() };
}

/** A server of HTTP/1.1 and of HTTP/2 in plaintext on one port, told apart by a connection's first bytes. */
export function createHttp1AndH2c(answer: Answer): HttpServer {
  const http1 = createHttp1(answer);
  const http2 = createHttp2Server();
  const sessions = new Set<ServerHttp2Session>();
  const sockets = new Set<Socket>();
  // Node's requests and responses of HTTP/2 have the members of those of HTTP/1.1 that are used here.
  http2.on("request", answer as never);
  http2.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on("error", () => {});
    session.on("close", () => sessions.delete(session));
  });
  const listener = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    socket.once("readable", () => {
      const first: Buffer | null = socket.read();
      if (first === null) return;
      socket.unshift(first);
      const server = first.toString("latin1", 0, preface.length) === preface ? http2 : http1.listener;
      server.emit("connection", socket);
    });
  });
  const closeAllConnections = () => {
    for (const session of sessions) session.destroy();
    for (const socket of sockets) socket.destroy();
  };
  return { listener, closeAllConnections };
}
