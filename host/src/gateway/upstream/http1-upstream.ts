import { Agent, buildConnector, type Dispatcher, errors } from "undici";
import { isRepeatable } from "./is-repeatable.ts";
import type { Upstream, UpstreamExchange, UpstreamFailure, UpstreamListener, UpstreamRequest } from "./types.ts";

/** Idle time of a connection, in ms: less than model servers (5 s) keep theirs. */
const keepAliveMs = 4000;
/** From here on a body is sent in its chunks, so that they can be let go of before the response is through. */
const chunkedSendBytes = 16 * 1024;

/** Errors of connections that had brought a response before. */
type UsedUp = WeakSet<Error>;

/** Model servers that speak HTTP/1.1: a connection carries one request at a time. */
export function createHttp1Upstream(connectTimeoutMs: number): Upstream {
  const usedUp: UsedUp = new WeakSet();
  const connect = buildConnector({ timeout: connectTimeoutMs, allowH2: false });
  const agent = new Agent({
    allowH2: false,
    connect(options, callback) {
      connect(options, (...[error, socket]) => {
        socket?.on("error", (cause) => {
          if (socket.bytesRead > 0) usedUp.add(cause);
        });
        if (error === null) callback(null, socket);
        else callback(error, null);
      });
    },
    keepAliveTimeout: keepAliveMs,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  return {
    exchange: (request, listener) => new Http1Exchange(agent, usedUp, request, listener),
    close: () => agent.destroy(),
  };
}

class Http1Exchange implements UpstreamExchange, Dispatcher.DispatchHandler {
  readonly #agent: Agent;
  readonly #usedUp: UsedUp;
  readonly #request: UpstreamRequest;
  readonly #listener: UpstreamListener;
  /** The connection's hold on the chunks of a large body. */
  #chunks: Uint8Array[] = [];
  #controller: Dispatcher.DispatchController | undefined;
  #isSent = false;
  #hasBegun = false;
  #isOver = false;

  constructor(agent: Agent, usedUp: UsedUp, request: UpstreamRequest, listener: UpstreamListener) {
    this.#agent = agent;
    this.#usedUp = usedUp;
    this.#request = request;
    this.#listener = listener;
  }

  start(): void {
    const { endpoint, path, method, headers, bodyBytes } = this.#request;
    const options = { origin: `http://${endpoint}`, path, method: method as Dispatcher.HttpMethod };
    if (bodyBytes < chunkedSendBytes) {
      const body = bodyBytes === 0 ? null : toOne(this.#request.body);
      this.#agent.dispatch({ ...options, headers: headers as string[], body }, this);
    } else {
      this.#chunks = [...this.#request.body];
      const sized = [...headers, "content-length", String(bodyBytes)];
      // The dispatcher sends any iterable of chunks; its types do not know.
      const body = this.#chunks as unknown as Uint8Array;
      this.#agent.dispatch({ ...options, headers: sized, body }, this);
    }
  }

  cancel(): void {
    this.#isOver = true;
    this.#controller?.abort(new Error("the client is gone"));
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#isOver) controller.abort(new Error("the client is gone"));
    else this.#listener.sent();
  }

  onRequestSent(): void {
    this.#isSent = true;
  }

  onResponseStarted(): void {
    this.#hasBegun = true;
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number): void {
    if (this.#isOver || status < 200) return;
    if (this.#isSent) this.#chunks.length = 0;
    this.#listener.began(status, toStrings(controller.rawHeaders));
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (!this.#isOver) this.#listener.chunk(chunk);
  }

  onResponseEnd(controller: Dispatcher.DispatchController): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.ended(toStrings(controller.rawTrailers));
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#listener.failed({ kind: this.#kindOf(error), error });
  }

  #kindOf(error: Error): UpstreamFailure["kind"] {
    if (error instanceof errors.InvalidArgumentError || error instanceof errors.NotSupportedError) return "invalid";
    if (error instanceof errors.ConnectTimeoutError) return "connect_timeout";
    if (this.#controller === undefined) return "connect_failed";
    if (this.#hasBegun || !this.#usedUp.has(error)) return "broken";
    return isUnsent(error) || isRepeatable(this.#request) ? "connection_lost" : "broken";
  }
}

function toOne(chunks: readonly Uint8Array[]): Uint8Array {
  return chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
}

/** The model server had closed its end: it took less than the whole request, so it cannot have begun it. */
function isUnsent(error: Error & { readonly code?: string }): boolean {
  return error.code === "EPIPE";
}

/** Header bytes as Node writes them again. */
function toStrings(headers: unknown): readonly string[] {
  if (!Array.isArray(headers) || headers.length === 0) return [];
  return headers.map((part: Buffer | string) => part.toString("latin1"));
}
