import { once } from "node:events";
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
/** Time a connection has to say which version it speaks, and an HTTP/1.1 request for its headers, in ms. */
const headersTimeoutMs = 60_000;
const keepAliveMs = 75_000;
/** Calls that one connection has open at once; more wait at their client. */
const maxStreams = 1000;
const windowBytes = 1024 * 1024;
const pollMs = 20;

/** @param sweep meets the deadlines of connections. */
export function createHttpListener(
  handle: (request: AnyRequest, response: AnyResponse) => void,
  limits: DoorLimits,
  sweep: DeadlineSweep,
): HttpListener {
  const timeouts = { headersTimeout: headersTimeoutMs, requestTimeout: 0, keepAliveTimeout: keepAliveMs };
  const server = createServer(timeouts, handle);
  server.maxConnections = limits.maxConnections;
  const sessions = new Set<ServerHttp2Session>();
  const http2 = createHttp2Server(http2Options(limits), handle);
  http2.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.setLocalWindowSize(maxStreams * windowBytes);
    session.on("close", () => sessions.delete(session));
  });
  http2.on("sessionError", ignore);
  const serveHttp1 = server.listeners("connection") as ((socket: Socket) => void)[];
  server.removeAllListeners("connection");
  server.on("connection", (socket: Socket) => {
    tellVersion(socket, sweep, (isHttp2) => {
      if (isHttp2) http2.emit("connection", socket);
      else for (const serve of serveHttp1) serve.call(server, socket);
    });
  });
  return {
    async listen(host, port) {
      server.listen({ host, port });
      await once(server, "listening");
      server.on("error", ignore);
      return server.address() as AddressInfo;
    },
    async close(timeoutMs) {
      const endMs = performance.now() + timeoutMs;
      let isClosed = !server.listening;
      server.close(() => {
        isClosed = true;
      });
      for (const session of sessions) session.close();
      while (!isClosed) {
        if (performance.now() < endMs) server.closeIdleConnections();
        else for (const open of [...sessions]) open.destroy();
        if (performance.now() >= endMs) server.closeAllConnections();
        await sleep(pollMs);
      }
    },
  };
}

/** Resets of calls that clients give up are no attack; frames that cross a reset are none either. */
function http2Options({ maxConnections }: DoorLimits) {
  return {
    settings: { maxConcurrentStreams: maxStreams, initialWindowSize: windowBytes },
    maxSessionInvalidFrames: maxConnections,
    maxSessionMemory: 1000,
  };
}

/** Looks at the first bytes of a connection, which stay to be read. */
function tellVersion(socket: Socket, sweep: DeadlineSweep, tell: (isHttp2: boolean) => void): void {
  const guard: Guarded = { dueMs: 0, overdue: () => socket.destroy() };
  const look = () => {
    const start = socket.read(prefaceStart.length) as Buffer | null;
    if (start === null) return;
    socket.off("readable", look);
    socket.off("error", ignore);
    sweep.remove(guard);
    socket.unshift(start);
    tell(start.toString("latin1") === prefaceStart);
  };
  sweep.add(guard, headersTimeoutMs);
  socket.on("error", ignore);
  socket.on("close", () => sweep.remove(guard));
  socket.on("readable", look);
}

function ignore(): void {}
