import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";

/** A model server: what it was sent, and how that went. */
export interface ModelServer {
  /** Its `ip:port`. */
  readonly destination: string;
  readonly seen: readonly IncomingMessage[];
  /** Connections that were opened to it. */
  readonly connections: () => number;
  /** Responses that were cut before they were through. */
  readonly aborted: () => number;
  close(): void;
}

/** What a model server does with a request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A model server that speaks HTTP/1.1. */
export async function openModelServer(answer: Answer): Promise<ModelServer> {
  const seen: IncomingMessage[] = [];
  let aborted = 0;
  let connections = 0;
  const server = createServer((incoming, response) => {
    seen.push(incoming);
    response.on("close", () => {
      if (!response.writableFinished) aborted++;
    });
    answer(incoming, response);
  });
  server.on("connection", () => connections++);
  const port = await listen(server);
  const close = () => {
    server.close();
    server.closeAllConnections();
  };
  return { destination: `127.0.0.1:${port}`, seen, connections: () => connections, aborted: () => aborted, close };
}

/** Sends a request back as its response. */
export const echo: Answer = (incoming, response) => {
  response.setHeader("x-model", "m");
  incoming.pipe(response);
};

/** A server of bare bytes. */
export async function openBareServer(
  onConnection: (socket: Socket) => void,
): Promise<{ readonly destination: string; close(): void }> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    onConnection(socket);
  });
  const port = await listen(server);
  const close = () => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { destination: `127.0.0.1:${port}`, close };
}

/** A port where nobody listens. */
export async function refusingDestination(): Promise<string> {
  const { destination, close } = await openBareServer(() => {});
  close();
  return destination;
}

/**
 * A port where nobody answers: its process accepts nothing, and the kernel's queue of connections is full, so that a
 * further one neither stands nor is refused.
 */
export async function silentDestination(): Promise<{ readonly destination: string; close(): void }> {
  const worker = new Worker(
    `const { parentPort } = require("node:worker_threads");
    const server = require("node:net").createServer();
    server.listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
      parentPort.postMessage(server.address().port);
      setImmediate(() => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
    });`,
    { eval: true },
  );
  const [port] = (await once(worker, "message")) as [number];
  const queued = await fillQueue(port);
  const close = () => {
    for (const socket of queued) socket.destroy();
    void worker.terminate();
  };
  return { destination: `127.0.0.1:${port}`, close };
}

/** Opens connections until one does not stand. */
async function fillQueue(port: number): Promise<readonly Socket[]> {
  const queued: Socket[] = [];
  for (;;) {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    queued.push(socket);
    const stands = once(socket, "connect").then(() => true);
    if (!(await Promise.race([stands, sleep(200, false)]))) return queued;
  }
}

async function listen(server: Server): Promise<number> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return (server.address() as AddressInfo).port;
}
