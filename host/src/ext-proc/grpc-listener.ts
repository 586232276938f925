import {
  createSecureServer,
  createServer,
  type Http2SecureServer,
  type Http2Server,
  type IncomingHttpHeaders,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { AddressInfo } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { defaultDoorLimits } from "../doors/limits.ts";
import { listen } from "../listen.ts";
import type { TlsSource } from "../tls/tls-source.ts";
import { isGrpcCall } from "./grpc-http2.ts";
import { createSessionGuard, defaultSessionDeadlines, type SessionDeadlines } from "./guard-sessions.ts";
import { trackSessions } from "./track-sessions.ts";

/**
 * A gateway resets every stream, also after a complete exchange, and Node's default limit of resets would take its
 * connection down in ordinary traffic; so would its limit, over a connection's life, of frames that cross the end of
 * their stream. The window of a stream holds a prompt of 100,000 tokens twice, and is what a gateway can send that does
 * not read; streams are not limited, since a gateway opens them before it has seen a limit. The headers are those of the
 * call, a dozen: the request's own come in a message. A gateway that is gone without a word is found by TCP.
 */
const serverOptions = {
  streamResetBurst: 1e9,
  streamResetRate: 1e9,
  maxSessionInvalidFrames: 1e9,
  maxSessionMemory: 1_000_000,
  maxHeaderListPairs: 128,
  settings: { initialWindowSize: 1024 * 1024, maxHeaderListSize: 64 * 1024 },
  keepAlive: true,
  keepAliveInitialDelay: 60_000,
};
const largestWindowBytes = 2 ** 31 - 1;
const pollMs = 20;

/** A gRPC server on `node:http2`. */
export interface GrpcListener {
  /** @param port 0 = any free one. */
  listen(host: string, port: number): Promise<AddressInfo>;
  /**
   * Asks gateways to go elsewhere, in plaintext at once and with TLS at last; serves those that do not until nothing has
   * come for `quietMs`, for at most half of `timeoutMs`; finishes what is open, and closes. After `timeoutMs` whatever
   * is still open is dropped.
   */
  drain(timeoutMs: number, quietMs: number): Promise<void>;
  /** Drops every connection. */
  close(): Promise<void>;
}

/** What a {@link GrpcListener} is made of. */
export interface GrpcListenerOptions {
  /** Its side of TLS; `undefined` = plaintext HTTP/2. */
  readonly tls: TlsSource | undefined;
  /** Connections open at once, default that of {@link defaultDoorLimits}; those above it are closed at once. */
  readonly maxConnections?: number;
  /** A connection was closed at once. */
  readonly connectionRefused?: () => void;
  /** Default {@link defaultSessionDeadlines}. */
  readonly sessionDeadlines?: SessionDeadlines;
  /** Answers a call; the stream has an `error` listener already. */
  readonly call: (stream: ServerHttp2Stream, path: string, headers: IncomingHttpHeaders) => void;
}

/** Every call is answered; what is no gRPC call at all never reaches `call`. */
export function createGrpcListener(options: GrpcListenerOptions): GrpcListener {
  const { call, maxConnections = defaultDoorLimits.maxConnections, connectionRefused = ignore } = options;
  const { tls, sessionDeadlines = defaultSessionDeadlines } = options;
  const server = tls === undefined ? createServer(serverOptions) : createTlsServer(tls, sessionDeadlines);
  server.maxConnections = maxConnections;
  server.on("drop", connectionRefused);
  const guard = createSessionGuard(sessionDeadlines);
  const sessions = trackSessions(server, tls === undefined);
  const activity: Activity = { openCalls: 0, lastCallMs: 0 };
  const closed = () => {
    activity.openCalls--;
  };

  server.on("session", (session: ServerHttp2Session) => {
    guard(session);
    session.setLocalWindowSize(largestWindowBytes);
  });
  server.on("stream", (stream: ServerHttp2Stream, headers: IncomingHttpHeaders) => {
    stream.on("error", ignore);
    if (!isGrpcCall(stream, headers)) return;
    activity.openCalls++;
    activity.lastCallMs = performance.now();
    stream.on("close", closed);
    call(stream, String(headers[":path"]), headers);
  });
  server.on("sessionError", ignore);

  const close = async () => {
    sessions.destroy();
    await stopListening(server);
  };
  return {
    listen: (host, port) => listen(server, host, port),
    async drain(timeoutMs, quietMs) {
      const endMs = performance.now() + timeoutMs;
      if (sessions.size > 0) activity.lastCallMs = performance.now();
      sessions.sendAway();
      await until(() => isQuiet(activity, quietMs), endMs - timeoutMs / 2);
      const stopped = stopListening(server);
      sessions.sendAway();
      sessions.closeUnasked();
      await until(() => activity.openCalls === 0, endMs);
      sessions.close();
      await until(() => sessions.size === 0, Math.min(endMs, performance.now() + 10 * pollMs));
      sessions.destroy();
      await stopped;
    },
    close,
  };
}

/** A change of certificates is for new connections; those that are open go on. */
function createTlsServer(tls: TlsSource, { helloMs }: SessionDeadlines): Http2SecureServer {
  const server = createSecureServer({ ...serverOptions, ...tls.current, handshakeTimeout: helloMs });
  tls.onChange((changed) => server.setSecureContext(changed));
  server.on("tlsClientError", (error) => tls.handshakeFailed(error));
  return server;
}

interface Activity {
  openCalls: number;
  lastCallMs: number;
}

function ignore(): void {}

function isQuiet({ openCalls, lastCallMs }: Activity, quietMs: number): boolean {
  return openCalls === 0 && performance.now() - lastCallMs >= quietMs;
}

async function until(isDone: () => boolean, endMs: number): Promise<void> {
  while (!isDone() && performance.now() < endMs) await sleep(pollMs);
}

/** Resolves when the last connection is closed. */
function stopListening(server: Http2Server): Promise<void> {
  return new Promise((resolve) => {
    if (server.listening) server.close(() => resolve());
    else resolve();
  });
}
