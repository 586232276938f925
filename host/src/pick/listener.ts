import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import {
  createServer as createHttp2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
  type ServerHttp2Session,
} from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import type { DeadlineSweep, Guarded } from "../doors/deadlines.ts";
import type { DoorLimits } from "../doors/limits.ts";
import { listen } from "../listen.ts";

/** A request of either version of HTTP. */
export type AnyRequest = IncomingMessage | Http2ServerRequest;
/** The answer to one. */
export type AnyResponse = ServerResponse | Http2ServerResponse;

/** HTTP/1.1 and HTTP/2 on one port, in plaintext. */
export interface HttpListener {
  /** @param port 0 = any free one. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /** Accepts no more connections and lets calls end; drops what is left after `timeoutMs`. */
  close(timeoutMs: number): Promise<void>;
}

/** What every HTTP/2 connection begins with, as far as no method of HTTP/1.1 does. */
const prefaceStart = "PRI";
/** Longest time a connection has to say which version it speaks, and an HTTP/1.1 request for its headers, in ms. */
const headersTimeoutMs = 60_000;
const keepAliveMs = 75_000;
/** Calls that one connection has open at once; more wait at their client. */
const maxStreams = 1000;
const windowBytes = 1024 * 1024;
/** Calls that clients give up in numbers are no attack, nor frames that cross their resets; `sweep` ends what is slow. */
const http2Options = {
  settings: { maxConcurrentStreams: maxStreams, initialWindowSize: windowBytes },
  streamResetBurst: 1e9,
  streamResetRate: 1e9,
  maxSessionInvalidFrames: 1e9,
  maxSessionMemory: 1000,
};
const pollMs = 20;

/**
 * @param sweep meets the deadlines of connections.
 * @param connectionRefused called for each that is closed since there are too many.
 */
export function createHttpListener(
  handle: (request: AnyRequest, response: AnyResponse) => void,
  limits: DoorLimits,
  sweep: DeadlineSweep,
  connectionRefused: () => void,
): HttpListener {
  const headersTimeout = Math.min(headersTimeoutMs, limits.maxRequestMs);
  const server = createServer({ headersTimeout, requestTimeout: 0, keepAliveTimeout: keepAliveMs }, handle);
  server.maxConnections = limits.maxConnections;
  server.on("drop", connectionRefused);
  const sockets = new Set<Socket>();
  const sessions = new Set<ServerHttp2Session>();
  const http2 = createHttp2Server(http2Options, handle);
  http2.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.setLocalWindowSize(maxStreams * windowBytes);
    session.on("close", () => sessions.delete(session));
  });
  http2.on("sessionError", ignore);
  const serveHttp1 = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    const guard: Guarded = { dueMs: 0, overdue: () => socket.destroy() };
    sweep.add(guard, headersTimeout);
    socket.on("close", () => sweep.remove(guard));
    tellVersion(socket, (isHttp2) => {
      sweep.remove(guard);
      // An HTTP/1.1 server keeps sockets half open for its own ends; a session would never learn that its client left.
      socket.allowHalfOpen = !isHttp2;
      if (isHttp2) http2.emit("connection", socket);
      else for (const serve of serveHttp1) serve.call(server, socket);
    });
  });
  return {
    listen: (host, port) => listen(server, host, port),
    async close(timeoutMs) {
      const endMs = performance.now() + timeoutMs;
      let isClosed = !server.listening;
      server.close(() => {
        isClosed = true;
      });
      for (const session of sessions) session.close();
      while (!isClosed) {
        if (performance.now() < endMs) server.closeIdleConnections();
        else for (const socket of sockets) socket.destroy();
        await sleep(pollMs);
      }
    },
  };
}

/** Looks at the first bytes of a connection, which stay to be read. */
function tellVersion(socket: Socket, tell: (isHttp2: boolean) => void): void {
  const leave = () => socket.destroy();
  const look = () => {
    const start = socket.read(prefaceStart.length) as Buffer | null;
    if (start === null) return;
    socket.off("readable", look);
    socket.off("end", leave).off("error", ignore);
    socket.unshift(start);
    tell(start.toString("latin1") === prefaceStart);
  };
  socket.on("end", leave).on("error", ignore).on("readable", look);
}

function ignore(): void {}
