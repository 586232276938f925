/**
 * Why a scrape brought no values; a metric label. `refused`: no connection was made; `reset`: it ended within an answer;
 * `tls`: a connection was made, and TLS was not agreed on; `timeout`: no whole answer in time; `status`: other than 200; `encoding`: compressed, though that was not asked for;
 * `too_large`: a longer page than allowed; `protocol`: not HTTP/1.1; `invalid`: a page without what it is fetched for.
 */
export type FaultReason =
  | "refused"
  | "reset"
  | "tls"
  | "timeout"
  | "status"
  | "encoding"
  | "too_large"
  | "protocol"
  | "invalid";

/** A scrape that brought no values. */
export interface ScrapeFault {
  readonly reason: FaultReason;
  /** What was seen, for the log. */
  readonly detail: string;
}
