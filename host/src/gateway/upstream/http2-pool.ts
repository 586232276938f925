import { Http2Connection } from "./http2-connection.ts";
import type { UpstreamFailure } from "./types.ts";

/** Who waits for a connection with room for a stream. */
export interface Http2Taker {
  /** Whether it no longer wants one. */
  readonly isOver: boolean;
  take(connection: Http2Connection): void;
  failed(failure: UpstreamFailure): void;
}

/** The connections to one endpoint: as many as its streams need, made one after the other. */
export class Http2Pool {
  readonly #endpoint: string;
  readonly #connectTimeoutMs: number;
  readonly #onEmpty: () => void;
  readonly #ready = new Set<Http2Connection>();
  #connecting: Http2Connection | undefined;
  #waiting: Http2Taker[] = [];

  /** @param onEmpty called when there is neither a connection nor anybody who waits for one. */
  constructor(endpoint: string, connectTimeoutMs: number, onEmpty: () => void) {
    this.#endpoint = endpoint;
    this.#connectTimeoutMs = connectTimeoutMs;
    this.#onEmpty = onEmpty;
  }

  /** Gives the taker a connection, now or when there is one; in vain it tells so. */
  request(taker: Http2Taker): void {
    const free = this.#free();
    if (free !== undefined) {
      taker.take(free);
      return;
    }
    this.#waiting.push(taker);
    this.#connecting ??= this.#connect();
  }

  destroy(): void {
    this.#connecting?.destroy();
    for (const connection of this.#ready) connection.destroy();
  }

  #free(): Http2Connection | undefined {
    for (const connection of this.#ready) if (connection.hasRoom) return connection;
    return undefined;
  }

  #connect(): Http2Connection {
    return new Http2Connection(this.#endpoint, this.#connectTimeoutMs, {
      ready: (connection) => {
        this.#connecting = undefined;
        this.#ready.add(connection);
        if (!connection.hasRoom) this.#fail({ kind: "connect_failed", error: new Error("it takes no streams") });
        else this.#serve();
      },
      failed: (_, failure) => {
        this.#connecting = undefined;
        this.#fail(failure);
        this.#checkEmpty();
      },
      freed: () => this.#serve(),
      gone: (connection) => {
        this.#ready.delete(connection);
        this.#serve();
        this.#checkEmpty();
      },
    });
  }

  /** Whoever waits gets a stream as far as there is room; for the others a further connection is made. */
  #serve(): void {
    while (this.#waiting.length > 0) {
      const free = this.#free();
      if (free === undefined) break;
      const taker = this.#waiting.shift() as Http2Taker;
      if (!taker.isOver) taker.take(free);
    }
    if (this.#waiting.length > 0) this.#connecting ??= this.#connect();
  }

  #fail(failure: UpstreamFailure): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const taker of waiting) if (!taker.isOver) taker.failed(failure);
  }

  #checkEmpty(): void {
    if (this.#ready.size === 0 && this.#connecting === undefined && this.#waiting.length === 0) this.#onEmpty();
  }
}
