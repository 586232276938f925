import type { Lease, Leases } from "@outrider/core";

/** What one request counts for at endpoints. */
export interface RequestLoad {
  /** Slot of its destination. */
  readonly slot: number;
  /** Slots that compute its prompt beside the destination, such as that of a prefill; none for most requests. */
  readonly peers: readonly number[];
  /** Tokens that it adds to in-flight counts; at peers those of its prompt alone. */
  readonly tokens: { readonly prompt: number; readonly output: number };
}

/**
 * One request in the in-flight counts: at its destination until it ends, at its peers until the response begins, since
 * what they do is done then.
 */
export class RequestLeases {
  readonly #leases: Pick<Leases, "open">;
  readonly #tokens: RequestLoad["tokens"];
  readonly #onExpired: () => void;
  #lease: Lease;
  #peers: readonly Lease[];

  /** Counts it. @param onExpired the destination's lease has ended by itself. */
  constructor(leases: Pick<Leases, "open">, load: RequestLoad, nowMs: number, onExpired: () => void) {
    this.#leases = leases;
    this.#tokens = load.tokens;
    this.#onExpired = onExpired;
    this.#lease = this.#open(load.slot, nowMs);
    this.#peers = load.peers.map((slot) => leases.open(slot, load.tokens.prompt, 0, nowMs));
  }

  /** The first of the response has come. */
  firstToken(): void {
    this.#lease.firstToken();
    this.#endPeers();
  }

  /** Another endpoint than the first has the request: it counts there. */
  moveTo(slot: number, nowMs: number): void {
    this.#lease.end();
    this.#lease = this.#open(slot, nowMs);
  }

  end(): void {
    this.#lease.end();
    this.#endPeers();
  }

  /** Nothing more is seen of the request: each lease ends by itself. */
  letGo(): void {
    this.#lease.letGo();
    for (const peer of this.#peers) peer.letGo();
    this.#peers = none;
  }

  #open(slot: number, nowMs: number): Lease {
    return this.#leases.open(slot, this.#tokens.prompt, this.#tokens.output, nowMs, this.#onExpired);
  }

  #endPeers(): void {
    for (const peer of this.#peers) peer.end();
    this.#peers = none;
  }
}

const none: readonly Lease[] = [];
