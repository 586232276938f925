import type { EndpointInfo, EndpointSnapshot, InflightColumns, RequestFacts } from "../contract/index.ts";

/** The endpoints as they are when a request comes, before it is known which of them may get it. */
export interface PoolView {
  readonly snapshot: EndpointSnapshot;
  /** Slots of the endpoints that take requests, ascending. */
  readonly slots: Uint32Array;
  /** Sent and not yet done, now. */
  readonly inflight: InflightColumns;
  /** The host's clock, Unix ms. */
  readonly nowMs: number;
}

/** Tells how full endpoints are; plain code of the host. */
export interface SaturationDetector {
  readonly name: string;
  readonly type: string;
  /** Load ÷ capacity of the endpoints together, ≥ 0; 1 = full, also where there are none or nothing is known of them. */
  saturation(pool: PoolView): number;
  /** Whether what is known of an endpoint is too old to count. */
  isStale?(pool: PoolView, slot: number): boolean;
}

/** What a screener is asked about. */
export interface Screening {
  readonly facts: RequestFacts;
  /** Value of a request header by its lower-case name. */
  header(name: string): string | undefined;
  readonly snapshot: EndpointSnapshot;
  /** Slots, ascending; every screener sees the same. */
  readonly candidates: Uint32Array;
  /** Next number in [0, 1) of this request's randomness. */
  random(): number;
}

/** One number that a policy keeps, under the reference EPP's name. */
export interface PolicyFigure {
  readonly kind: "counter" | "gauge";
  /** Name without the prefix and the `_total` of counters. */
  readonly name: string;
  /** Labels besides the policy's name and type. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** Which endpoints a request may be sent to at all, before anything is asked about them; plain code of the host. */
export interface Screener {
  readonly name: string;
  readonly type: string;
  /** Slots that it allows, ascending; of several screeners all must allow a slot. */
  screen(screening: Screening): Uint32Array;
  /** Headers to set on the response, told by the endpoint that the request went to; absent = none. */
  headersOf?(endpoint: EndpointInfo): readonly (readonly [name: string, value: string])[];
  /** What it has to show of a snapshot and of the requests so far; absent = nothing. */
  figures?(snapshot: EndpointSnapshot): readonly PolicyFigure[];
}
