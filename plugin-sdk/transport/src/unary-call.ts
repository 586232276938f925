import { OutriderError } from "@outrider/core/contract";
import { type Dispatcher, errors, type Pool } from "undici";
import { maxFrameBytes } from "./grpc-frames.ts";
import { fromConnectionError } from "./rpc-failure.ts";

/** An HTTP answer, whole. */
export interface UnaryReply {
  /** HTTP status. */
  readonly status: number;
  /** At most 1 MiB. */
  readonly body: Buffer;
}

/** One unary call on its way. */
export interface UnaryRequest {
  /** Path of the method. */
  readonly path: string;
  /** Besides those of HTTP itself. */
  readonly headers: Readonly<Record<string, string>>;
  /** JSON. */
  readonly body: string;
  /** Silence after which its connection is given up, in ms. */
  readonly patienceMs: number;
  /** Names the plugin in errors. */
  readonly subject: string;
}

/** @throws {OutriderError} `SCORER_UNAVAILABLE`, `SCORER_DEADLINE`, `PROTOCOL_VIOLATION` for an answer over 1 MiB. */
export function callUnary(pool: Pool, request: UnaryRequest): Promise<UnaryReply> {
  const { path, headers, body, patienceMs } = request;
  return new Promise((resolve, reject) => {
    const options = {
      method: "POST",
      path,
      headers,
      body,
      headersTimeout: patienceMs,
      bodyTimeout: patienceMs,
    } as const;
    pool.dispatch(options, new ReplyHandler(request, resolve, reject));
  });
}

class ReplyHandler implements Dispatcher.DispatchHandler {
  readonly #request: UnaryRequest;
  readonly #resolve: (reply: UnaryReply) => void;
  readonly #reject: (error: OutriderError) => void;
  readonly #chunks: Buffer[] = [];
  #status = 0;
  #bytes = 0;

  constructor(request: UnaryRequest, resolve: (reply: UnaryReply) => void, reject: (error: OutriderError) => void) {
    this.#request = request;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  /** undici demands it. */
  onRequestStart(): void {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number): void {
    this.#status = status;
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes <= maxFrameBytes) this.#chunks.push(chunk);
    else controller.abort(tooLong(this.#request.subject));
  }

  onResponseEnd(): void {
    const { 0: first, length } = this.#chunks;
    const body = first !== undefined && length === 1 ? first : Buffer.concat(this.#chunks);
    this.#resolve({ status: this.#status, body });
  }

  onResponseError(_controller: Dispatcher.DispatchController, cause: Error): void {
    this.#reject(toError(cause, this.#request));
  }
}

function tooLong(subject: string): OutriderError {
  return new OutriderError("PROTOCOL_VIOLATION", `${subject}: an answer of more than ${maxFrameBytes} bytes`);
}

function toError(cause: Error, { subject, patienceMs }: UnaryRequest): OutriderError {
  if (cause instanceof OutriderError) return cause;
  const { code } = cause as NodeJS.ErrnoException;
  const isTimeout = code === "UND_ERR_HEADERS_TIMEOUT" || code === "UND_ERR_BODY_TIMEOUT";
  if (isTimeout)
    return new OutriderError("SCORER_DEADLINE", `${subject}: no answer within ${patienceMs} ms`, { cause });
  if (cause instanceof errors.HTTPParserError)
    return new OutriderError("PROTOCOL_VIOLATION", `${subject}: ${cause.message}`, { cause });
  return fromConnectionError(cause, subject);
}
