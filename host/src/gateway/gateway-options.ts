/** The embedded gateway's dealings with model servers. */
export interface GatewayOptions {
  /** What model servers speak. */
  readonly upstream: "http1" | "h2c";
  /** Until a model server accepts a connection, in ms. */
  readonly connectTimeoutMs: number;
  /** From the sent request to the response's headers, in ms. */
  readonly responseTimeoutMs: number;
  /** Between two parts of a response, in ms. */
  readonly idleTimeoutMs: number;
  /** Whether each request makes a log line. */
  readonly accessLog: boolean;
}

/** As `outrider serve` has them. */
export const defaultGatewayOptions: GatewayOptions = {
  upstream: "http1",
  connectTimeoutMs: 2000,
  responseTimeoutMs: 600_000,
  idleTimeoutMs: 300_000,
  accessLog: false,
};
