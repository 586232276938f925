import type { EndpointSnapshot, SessionMemory, SessionPinning, SessionSource } from "../contract/index.ts";

/** A {@link SessionPinning} whose attributes were looked up: where its keys stand. */
export type PinnedSessions =
  | Extract<SessionPinning, { kind: "token" }>
  | ({ readonly kind: "id"; readonly profile: string; readonly sources: readonly SessionSource[] } & SessionMemory);

/** How a configuration pins sessions. */
export interface SessionsSpec {
  /** At most one for each profile. */
  readonly pinned: readonly PinnedSessions[];
  /** Profile whose pin scorers see as `pinnedSlot`. */
  readonly shown: string;
}

/** The request that a session is told from. */
export interface SessionRequest {
  /** Value of a header by its lower-case name. */
  header(name: string): string | undefined;
  /** What a gateway that has read the request says of it; its key goes before those of headers, empty = none. */
  readonly given?: { readonly sessionKey: string } | undefined;
}

/** What a request may be sent to. */
export interface SessionPool {
  readonly snapshot: EndpointSnapshot;
  /** Slots, ascending. */
  readonly candidates: Uint32Array;
  /** Unix ms. */
  readonly nowMs: number;
}

/** Endpoints that the session of one request is pinned to. */
export interface SessionPins {
  /** Slot by the profile whose picks are pinned; always that of a candidate. */
  readonly slots: ReadonlyMap<string, number>;
  /** The one that scorers see; -1 = none. */
  readonly pinnedSlot: number;
  /**
   * The request is about to be sent: its session stays with the picks, unless it has an endpoint to go back to.
   * @param pickedIn slot that a profile picked, empty = the destination; -1 = it has picked none.
   */
  sent(pickedIn: (profile: string) => number): void;
}

/** A response header that gets the token of an endpoint. */
export interface TokenHeader {
  readonly header: string;
  /** Profile whose pick it names; empty = who answers. */
  readonly profile: string;
}

/** All sessions of a configuration. */
export interface Sessions {
  readonly spec: SessionsSpec;
  /** Response headers that get tokens. */
  readonly tokenHeaders: readonly TokenHeader[];
  /** Looks for the session of a request. */
  pin(request: SessionRequest, pool: SessionPool): SessionPins;
  /** Sessions that are remembered. */
  count(): number;
}
