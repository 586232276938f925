import { type ClientRequest, type IncomingHttpHeaders, type IncomingMessage, request } from "node:http";
import { type ClientHttp2Stream, connect, type OutgoingHttpHeaders } from "node:http2";

/** One HTTP request. */
export interface Sent {
  /** Default GET, or POST where there is a body. */
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent with its length, or in chunks where `isChunked`; default none. */
  readonly body?: Buffer | string;
  /** Whether the length of the body is not told beforehand; default false, and true where there are trailers. */
  readonly isChunked?: boolean;
  /** Sent behind the body. */
  readonly trailers?: Readonly<Record<string, string>>;
  /** Whether more of the body follows, which is the caller's to write; default false. */
  readonly isUnfinished?: boolean;
}

/** What came of it. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly trailers: NodeJS.Dict<string>;
  readonly body: Buffer;
  /** Pieces in which the body came. */
  readonly pieces: number;
  /** Whether the answer ended early: its connection or stream was cut. */
  readonly isCut: boolean;
}

/**
 * Sends a request over HTTP/1.1 on a connection of its own and reads the answer to its end.
 * @throws {Error} when the connection ends without an answer.
 */
export function exchange(url: string, sent: Sent = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const message = open(url, sent);
    message.on("error", reject);
    message.on("response", (response) => {
      message.off("error", reject).on("error", () => {});
      void readAnswer(response).then((answer) => {
        message.destroy();
        resolve(answer);
      });
    });
  });
}

/** Sends a request over HTTP/1.1 on a connection of its own, and leaves the answer to the caller. */
export function open(url: string, sent: Sent = {}): ClientRequest {
  const { method, headers = {}, body, isChunked, trailers, isUnfinished } = sent;
  const message = request(url, { method: method ?? (body === undefined ? "GET" : "POST"), agent: false });
  for (const [name, value] of Object.entries(headers)) message.setHeader(name, value);
  if (trailers !== undefined) message.setHeader("trailer", Object.keys(trailers).join(", "));
  if (isChunked === true || trailers !== undefined) message.setHeader("transfer-encoding", "chunked");
  else if (body !== undefined) message.setHeader("content-length", Buffer.byteLength(body));
  message.flushHeaders();
  if (body !== undefined && body.length > 0) message.write(body);
  if (trailers !== undefined) message.addTrailers(trailers);
  return isUnfinished === true ? message : message.end();
}

/** Sends a request over HTTP/2 without TLS, on a connection of its own, and reads the answer to its end. */
export async function exchangeHttp2(url: string, { method, headers = {}, body }: Sent = {}): Promise<Answer> {
  const { origin, pathname, search } = new URL(url);
  const session = connect(origin);
  session.on("error", () => {});
  const stream = session.request({
    ":method": method ?? (body === undefined ? "GET" : "POST"),
    ":path": pathname + search,
    ...headers,
  });
  stream.end(body);
  try {
    return await readStream(stream);
  } finally {
    session.destroy();
  }
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = [];
  response.on("data", (part: Buffer) => parts.push(part));
  response.on("error", () => {});
  await new Promise((resolve) => response.once("close", resolve).once("end", resolve));
  const { statusCode = 0, headers, trailers, complete } = response;
  return { status: statusCode, headers, trailers, body: Buffer.concat(parts), pieces: parts.length, isCut: !complete };
}

function readStream(stream: ClientHttp2Stream): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let received: OutgoingHttpHeaders & IncomingHttpHeaders = {};
    let trailers: NodeJS.Dict<string> = {};
    stream.on("response", (headers) => {
      received = headers;
    });
    stream.on("trailers", (headers) => {
      trailers = headers as NodeJS.Dict<string>;
    });
    stream.on("data", (part: Buffer) => parts.push(part));
    stream.on("error", (error) => {
      if (received[":status"] === undefined) reject(error);
    });
    stream.on("close", () => {
      const { ":status": status = 0, ...headers } = received;
      const isCut = stream.rstCode !== 0;
      resolve({
        status: Number(status),
        headers,
        trailers,
        body: Buffer.concat(parts),
        pieces: parts.length,
        isCut,
      });
    });
  });
}
