import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { connect, type Socket } from "node:net";
import { text } from "node:stream/consumers";
import { Registry } from "prom-client";
import { createHeldBytes, type HeldBytes } from "../../doors/held-bytes.ts";
import { type DoorLimits, defaultDoorLimits } from "../../doors/limits.ts";
import { createFakeScheduler, type FakeScheduler } from "../../doors/testing/fake-scheduler.ts";
import { createGateway, type Gateway, type GatewayParts } from "../gateway.ts";
import { defaultGatewayOptions } from "../gateway-options.ts";
import { createGatewayMetrics } from "../metrics.ts";

/** A request to send; a POST of a completion where nothing else is said. */
export interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Record<string, string | string[]>;
  readonly body?: string | Buffer;
}

/** An answer that came whole. */
export interface Received {
  readonly status: number;
  readonly headers: IncomingMessage["headers"];
  readonly trailers: IncomingMessage["trailers"];
  readonly body: string;
}

/** A gateway that listens, and the client that asks it. */
export interface OpenGateway {
  readonly gateway: Gateway;
  readonly scheduler: FakeScheduler;
  readonly held: HeldBytes;
  readonly port: number;
  /** Sends a request's headers; its body and its end are the caller's to send. */
  begin(sent: Omit<Sent, "body">): ClientRequest;
  /** Sends a request, each over a connection of its own. */
  start(sent: Sent): ClientRequest;
  /** Sends a request and reads the whole answer. */
  ask(sent: Sent): Promise<Received>;
  /** Sends a request and resolves with the answer's headers. */
  respond(sent: Sent): Promise<IncomingMessage>;
  /** A bare connection that these bytes were written to. */
  write(bytes: string): Socket;
  /** Writes bytes to a connection and reads what comes until it is closed. */
  exchange(bytes: string): Promise<string>;
  /** Value of a series, by its full text with labels. */
  metric(series: string): Promise<number>;
  close(): Promise<void>;
}

/** What of a gateway differs from the defaults. */
export interface OpenOptions extends Partial<Omit<GatewayParts, "limits" | "options">> {
  readonly limits?: Partial<DoorLimits>;
  readonly options?: Partial<GatewayParts["options"]>;
}

/** A gateway on a free port, with a scheduler that decides what it is told to. */
export async function openGateway({ limits = {}, options = {}, ...parts }: OpenOptions = {}): Promise<OpenGateway> {
  const scheduler = createFakeScheduler();
  const registry = new Registry();
  const allLimits = { ...defaultDoorLimits, maxBodyBytes: 1024 * 1024, ...limits };
  const held = createHeldBytes(allLimits.maxHeldBytes);
  const gateway = createGateway({
    scheduler,
    metrics: createGatewayMetrics(registry),
    limits: allLimits,
    held,
    options: { ...defaultGatewayOptions, ...options },
    ...parts,
  });
  const { port } = await gateway.listen("127.0.0.1", 0);
  const open = ({ method = "POST", path = "/v1/completions", headers = {} }: Omit<Sent, "body">) => {
    const sent = request({ host: "127.0.0.1", port, method, path, headers, agent: false });
    sent.on("error", () => {});
    return sent;
  };
  const start = ({ body, ...about }: Sent) => open(about).end(body);
  const respond = async (sent: Sent) => ((await once(start(sent), "response")) as [IncomingMessage])[0];
  const write = (bytes: string) => {
    const socket = connect(port, "127.0.0.1");
    socket.on("error", () => {});
    socket.write(bytes, "latin1");
    return socket;
  };
  return {
    gateway,
    scheduler,
    held,
    port,
    begin(sent) {
      const begun = open(sent);
      begun.flushHeaders();
      return begun;
    },
    start,
    respond,
    async ask(sent) {
      const response = await respond(sent);
      const body = await text(response);
      return { status: response.statusCode ?? 0, headers: response.headers, trailers: response.trailers, body };
    },
    write,
    exchange: (bytes) => readAll(write(bytes)),
    async metric(series) {
      const line = (await registry.metrics()).split("\n").find((each) => each.startsWith(`${series} `));
      return Number(line?.split(" ").at(-1));
    },
    close: () => gateway.close(),
  };
}

/** Reads a connection until it is closed, however that happens. */
export async function readAll(socket: Socket): Promise<string> {
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => void chunks.push(chunk));
  if (!socket.closed) await new Promise((resolve) => socket.on("close", resolve));
  return Buffer.concat(chunks).toString("latin1");
}
