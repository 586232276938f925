/** A request as it goes to a model server. */
export interface UpstreamRequest {
  /** `ip:port` of the model server. */
  readonly endpoint: string;
  readonly method: string;
  /** Path with its query. */
  readonly path: string;
  /** Names and values in turn; neither a length nor what belongs to a connection. */
  readonly headers: readonly string[];
  /** Chunks of the body in order; none = no body. */
  readonly body: readonly Uint8Array[];
  /** Bytes of all chunks together. */
  readonly bodyBytes: number;
}

/**
 * Why a model server did not answer:
 * - `connect_failed`, `connect_timeout`: no connection came about; nothing was sent.
 * - `connection_lost`: a connection that stood turned out to be no good, and the request may be sent again: the model
 *   server had not begun it, or beginning it twice does no harm.
 * - `broken`: it may have begun, and the request may not be sent again.
 * - `invalid`: the request cannot be put into the protocol.
 */
export interface UpstreamFailure {
  readonly kind: "connect_failed" | "connect_timeout" | "connection_lost" | "broken" | "invalid";
  readonly error: Error;
}

/** Hears of an exchange with a model server; of nothing more behind `ended`, `failed` or a cancellation. */
export interface UpstreamListener {
  /** The request is on its way, over a connection that stands. */
  sent(): void;
  /** @param headers names and values in turn, as they came; read them during the call. */
  began(status: number, headers: readonly string[]): void;
  /** Nothing writes to the bytes afterwards. */
  chunk(bytes: Buffer): void;
  /** @param trailers names and values in turn. */
  ended(trailers: readonly string[]): void;
  failed(failure: UpstreamFailure): void;
}

/** One request to one model server. */
export interface UpstreamExchange {
  /** Sends the request. */
  start(): void;
  /** Has the model server let go of the request. */
  cancel(): void;
  /** Has no more chunks come, and soon none leave the model server. */
  pause(): void;
  resume(): void;
}

/** Connections to model servers, kept for the next requests. */
export interface Upstream {
  exchange(request: UpstreamRequest, listener: UpstreamListener): UpstreamExchange;
  /** Cuts every connection. */
  close(): Promise<void>;
}
