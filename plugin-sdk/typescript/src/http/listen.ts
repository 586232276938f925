import { chmodSync, unlinkSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import tls from "node:tls";
import type { PluginRequests } from "./plugin-requests.ts";
import { tellVersion } from "./tell-version.ts";

/** Certificates of a plugin that is reached from other machines; PEM. */
export interface PluginTls {
  /** Certificate, with those between it and its authority. */
  readonly cert: string | Buffer;
  /** Its private key. */
  readonly key: string | Buffer;
  /** Authority of the hosts' certificates; set = a host without one is refused. */
  readonly ca?: string | Buffer;
}

/** Where a plugin listens. */
export type ListenAddress =
  | { readonly kind: "socket"; readonly path: string }
  | { readonly kind: "port"; readonly host: string; readonly port: number; readonly tls: PluginTls | undefined };

/** A plugin that can be reached. */
export interface ListeningPlugin {
  /** Port that was taken; 0 for a socket. */
  readonly port: number;
  /** Takes no further connections and ends those there are, when what was written to them is on its way. */
  close(): Promise<void>;
}

/** Longest wait for hosts to take their leave, in ms. */
const goodbyeMs = 500;

/** Receive window of a stream: a host brings whole tables of endpoints. */
const windowBytes = 4 * 1024 * 1024;

/** Longer than any host keeps an idle connection, in ms, so that it is the host which closes it. */
const keepAliveMs = 75_000;

/** Longest wait for a peer's side of a TLS handshake, in ms. */
const handshakeTimeout = 10_000;

/** A socket is for this user alone; connections of either version of HTTP come on the one address. */
export async function listen(requests: PluginRequests, address: ListenAddress): Promise<ListeningPlugin> {
  const sockets = new Set<net.Socket>();
  const { serveHttp1, serveHttp2, goodbye } = createServers(requests);
  const accept = (socket: net.Socket) =>
    tellVersion(socket, (isHttp2) => {
      socket.setNoDelay(true);
      if (isHttp2) serveHttp2(socket);
      else serveHttp1(socket);
    });
  const server = createListener(address, accept);
  server.on("connection", (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await open(server, address);
  return {
    port: address.kind === "port" ? (server.address() as net.AddressInfo).port : 0,
    async close() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      requests.endSessions();
      goodbye();
      const timer = setTimeout(() => {
        for (const socket of sockets) socket.destroy();
      }, goodbyeMs);
      await closed;
      clearTimeout(timer);
    },
  };
}

function createListener(address: ListenAddress, accept: (socket: net.Socket) => void): net.Server {
  if (address.kind === "socket" || address.tls === undefined) return net.createServer(accept);
  const { cert, key, ca } = address.tls;
  const mutual = ca === undefined ? {} : { ca, requestCert: true, rejectUnauthorized: true };
  // A handshake that fails is its peer's affair.
  return tls
    .createServer(
      { cert, key, ...mutual, handshakeTimeout, ALPNProtocols: ["h2", "http/1.1"], minVersion: "TLSv1.2" },
      accept,
    )
    .on("tlsClientError", () => {});
}

/** Servers that do not listen: they are given connections. */
function createServers(requests: PluginRequests) {
  const idle = new Set<net.Socket>();
  const older = http.createServer({ keepAliveTimeout: keepAliveMs }, (request, response) => {
    const { socket } = request;
    idle.delete(socket);
    response.once("close", () => !socket.destroyed && idle.add(socket));
    requests.http1(request, response);
  });
  const newer = http2.createServer({ settings: { initialWindowSize: windowBytes } });
  const connections = new Set<http2.ServerHttp2Session>();
  newer.on("session", (connection) => {
    connections.add(connection);
    connection.setLocalWindowSize(windowBytes);
    connection.once("close", () => connections.delete(connection));
  });
  // A connection that breaks is its host's affair.
  newer.on("sessionError", () => {});
  newer.on("stream", (stream, headers) => requests.http2(stream, headers));
  return {
    serveHttp1(socket: net.Socket) {
      // It ends its own half itself, when what it was asked is answered.
      socket.allowHalfOpen = true;
      idle.add(socket);
      socket.once("close", () => idle.delete(socket));
      older.emit("connection", socket);
    },
    serveHttp2: (socket: net.Socket) => newer.emit("connection", socket),
    goodbye() {
      for (const connection of connections) connection.close();
      for (const socket of idle) socket.destroySoon();
    },
  };
}

async function open(server: net.Server, address: ListenAddress): Promise<void> {
  if (address.kind === "port") return listening(server, () => server.listen(address.port, address.host));
  const { path } = address;
  await listening(server, () => server.listen(path)).catch(async (cause: NodeJS.ErrnoException) => {
    if (cause.code !== "EADDRINUSE" || (await isAnswered(path))) throw cause;
    unlinkSync(path);
    await listening(server, () => server.listen(path));
  });
  chmodSync(path, 0o600);
}

function listening(server: net.Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.once("listening", () => {
      server.off("error", reject);
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
