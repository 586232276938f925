import { Agent, type IncomingHttpHeaders, type IncomingMessage, request, type ServerResponse } from "node:http";
import { buffer } from "node:stream/consumers";
import { peerHeaders } from "./headers.ts";

/** What another server answered. */
export interface PeerAnswer {
  /** HTTP status; 502 where there was no answer. */
  readonly status: number;
  readonly body: Buffer;
}

/** A message to another server. */
export interface PeerCall {
  /** `ip:port` of it. */
  readonly peer: string;
  readonly path: string;
  /** Headers of the request that is the reason for it. */
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer | string;
}

const agent = new Agent({ keepAlive: true });
/** Headers that belong to a connection, or to a body. */
const own = ["host", "connection", "content-length", "transfer-encoding", "keep-alive", "te", "upgrade", "expect"];

/** Asks another server and reads its whole answer. The client's leaving ends it: then nobody hears of it. */
export function callPeer(call: PeerCall, client: ServerResponse): Promise<PeerAnswer> {
  return new Promise((resolve) => {
    const message = send(call);
    const leave = () => void message.destroy();
    const settle = (answer: PeerAnswer) => {
      client.off("close", leave);
      resolve(answer);
    };
    client.once("close", leave);
    message.on("error", ({ message: text }) => settle({ status: 502, body: Buffer.from(text) }));
    message.on("response", (response) => {
      buffer(response).then(
        (body) => settle({ status: response.statusCode ?? 502, body }),
        () => settle({ status: 502, body: Buffer.from("the answer ended early") }),
      );
    });
  });
}

/** Hands a request to another server and its answer to the client, as it comes. */
export function forward(call: PeerCall, client: ServerResponse, onFault: () => void): void {
  const message = send(call);
  client.once("close", () => void message.destroy());
  message.on("error", () => {
    if (client.headersSent) client.destroy();
    else onFault();
  });
  message.on("response", (response: IncomingMessage) => {
    for (const [name, value] of Object.entries(response.headers)) {
      if (!own.includes(name) && value !== undefined) client.setHeader(name, value);
    }
    client.statusCode = response.statusCode ?? 502;
    client.flushHeaders();
    response.pipe(client);
  });
}

function send({ peer, path, headers, body }: PeerCall) {
  const kept = Object.entries(headers).filter(
    ([name]) => !name.startsWith(":") && !own.includes(name) && !peerHeaders.includes(name),
  );
  const message = request(`http://${peer}${path}`, { method: "POST", agent, headers: Object.fromEntries(kept) });
  message.setHeader("content-length", Buffer.byteLength(body));
  return message.end(body);
}
