import { once } from "node:events";
import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";

/** A call for `send`. */
export interface Call {
  /** Default: GET, or POST with a body. */
  readonly method?: string;
  /** Default: none but what the body needs. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Bytes, or what is sent as JSON. */
  readonly body?: string | Buffer | object;
}

/** A whole answer. */
export interface Answer {
  /** Status code. */
  readonly status: number;
  /** Headers, names in lower case. */
  readonly headers: IncomingHttpHeaders;
  /** Trailers, names in lower case. */
  readonly trailers: NodeJS.Dict<string>;
  /** Body as text. */
  readonly body: string;
}

/** Sends a request on a connection of its own, and reads the answer to its end. */
export async function send(endpoint: string, path: string, call: Call = {}): Promise<Answer> {
  const [message] = (await once(open(endpoint, path, call), "response")) as [IncomingMessage];
  const body = await text(message);
  return { status: message.statusCode ?? 0, headers: message.headers, trailers: message.trailers, body };
}

/** Sends a request, and leaves the answer to the caller. */
export function open(endpoint: string, path: string, { method, headers, body }: Call = {}): ClientRequest {
  const bytes = typeof body === "object" && !Buffer.isBuffer(body) ? JSON.stringify(body) : body;
  const options = { method: method ?? (body === undefined ? "GET" : "POST"), headers: headers ?? {}, agent: false };
  return request(`http://${endpoint}${path}`, options).end(bytes);
}

/** Asks for a chat answer. */
export function chat(endpoint: string, content: string, more: object = {}): Promise<Answer> {
  return send(endpoint, "/v1/chat/completions", { body: toChat(content, more) });
}

/** The body of a chat with one message. */
export function toChat(content: string, more: object = {}): object {
  return { messages: [{ role: "user", content }], max_tokens: 4, ...more };
}
