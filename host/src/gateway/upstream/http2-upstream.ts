import { type ClientHttp2Stream, constants } from "node:http2";
import type { Http2Connection } from "./http2-connection.ts";
import { Http2Pool, type Http2Taker } from "./http2-pool.ts";
import { isRepeatable } from "./is-repeatable.ts";
import type { Upstream, UpstreamExchange, UpstreamFailure, UpstreamListener, UpstreamRequest } from "./types.ts";

/** Model servers that speak HTTP/2 in plaintext (h2c): a connection carries many requests, a stream each. */
export function createHttp2Upstream(connectTimeoutMs: number): Upstream {
  const pools = new Map<string, Http2Pool>();
  const poolOf = (endpoint: string): Http2Pool => {
    let pool = pools.get(endpoint);
    if (pool === undefined) {
      pool = new Http2Pool(endpoint, connectTimeoutMs, () => pools.delete(endpoint));
      pools.set(endpoint, pool);
    }
    return pool;
  };
  return {
    exchange: (request, listener) => new Http2Exchange(poolOf, request, listener),
    async close() {
      for (const pool of pools.values()) pool.destroy();
    },
  };
}

class Http2Exchange implements UpstreamExchange, Http2Taker {
  readonly #poolOf: (endpoint: string) => Http2Pool;
  readonly #request: UpstreamRequest;
  readonly #listener: UpstreamListener;
  #connection: Http2Connection | undefined;
  #stream: ClientHttp2Stream | undefined;
  #trailers: readonly string[] = [];
  #error: Error | undefined;
  #hasBegun = false;
  #isOver = false;

  constructor(poolOf: (endpoint: string) => Http2Pool, request: UpstreamRequest, listener: UpstreamListener) {
    this.#poolOf = poolOf;
    this.#request = request;
    this.#listener = listener;
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  start(): void {
    this.#poolOf(this.#request.endpoint).request(this);
  }

  cancel(): void {
    this.#isOver = true;
    this.#stream?.close(constants.NGHTTP2_CANCEL);
  }

  pause(): void {
    this.#stream?.pause();
  }

  resume(): void {
    this.#stream?.resume();
  }

  take(connection: Http2Connection): void {
    const stream = this.#open(connection);
    if (stream === undefined) return;
    this.#connection = connection;
    this.#stream = stream;
    stream.on("response", (headers, _flags, rawHeaders) => this.#began(Number(headers[":status"]), rawHeaders));
    stream.on("trailers", (_trailers, _flags, rawTrailers) => {
      this.#trailers = rawTrailers ?? [];
    });
    stream.on("end", () => this.#ended());
    stream.on("error", (error) => {
      this.#error = error;
    });
    stream.on("close", () => this.#closed());
    this.#listener.sent();
    for (const chunk of this.#request.body) stream.write(chunk);
    stream.end();
  }

  failed(failure: UpstreamFailure): void {
    this.#isOver = true;
    this.#listener.failed(failure);
  }

  #open(connection: Http2Connection): ClientHttp2Stream | undefined {
    try {
      return connection.request(toHeaders(this.#request), this.#request.bodyBytes === 0);
    } catch (cause) {
      const error = cause as Error & { readonly code?: string };
      const isOurs = error.code === "ERR_HTTP2_INVALID_SESSION" || error.code === "ERR_HTTP2_GOAWAY_SESSION";
      this.failed({ kind: isOurs ? "connection_lost" : "invalid", error });
      return undefined;
    }
  }

  #began(status: number, rawHeaders: readonly string[] | undefined): void {
    if (this.#isOver) return;
    this.#hasBegun = true;
    this.#listener.began(status, (rawHeaders ?? []).slice(pseudoEnd(rawHeaders ?? [])));
    this.#stream?.on("data", (chunk: Buffer) => {
      if (!this.#isOver) this.#listener.chunk(chunk);
    });
  }

  /** A stream that is cut ends too; what tells is whether it was reset. */
  #ended(): void {
    const stream = this.#stream as ClientHttp2Stream;
    if (this.#isOver || !this.#hasBegun || stream.rstCode !== constants.NGHTTP2_NO_ERROR) return;
    this.#isOver = true;
    this.#listener.ended(this.#trailers);
    if (!stream.writableFinished) stream.close(constants.NGHTTP2_NO_ERROR);
  }

  #closed(): void {
    if (this.#isOver) return;
    const code = this.#stream?.rstCode ?? 0;
    this.failed({ kind: this.#kindOf(code), error: this.#error ?? new Error(`the stream ended with code ${code}`) });
  }

  /** A refused stream was not begun (RFC 9113, 8.7). */
  #kindOf(code: number): UpstreamFailure["kind"] {
    if (this.#hasBegun) return "broken";
    if (code === constants.NGHTTP2_REFUSED_STREAM) return "connection_lost";
    return this.#connection?.hasResponded === true && isRepeatable(this.#request) ? "connection_lost" : "broken";
  }
}

/** Headers of the request's stream; the authority is what the client called the host. */
function toHeaders({ endpoint, method, path, headers, bodyBytes }: UpstreamRequest): string[] {
  const others: string[] = [];
  let authority = endpoint;
  for (let i = 0; i < headers.length; i += 2) {
    const name = (headers[i] as string).toLowerCase();
    if (name === "host") authority = headers[i + 1] as string;
    else others.push(name, headers[i + 1] as string);
  }
  if (bodyBytes > 0) others.push("content-length", String(bodyBytes));
  return [":method", method, ":scheme", "http", ":authority", authority, ":path", path, ...others];
}

/** Position behind the names that begin with a colon, which come first. */
function pseudoEnd(rawHeaders: readonly string[]): number {
  let i = 0;
  while (rawHeaders[i]?.startsWith(":")) i += 2;
  return i;
}
