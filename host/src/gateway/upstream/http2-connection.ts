import { type ClientHttp2Session, type ClientHttp2Stream, connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import type { UpstreamFailure } from "./types.ts";

/**
 * Streams of a connection at once, as most servers allow; further ones get another connection. The connection's window
 * holds what that many streams may send unread, so that a client that does not read holds up no other's stream.
 */
const maxStreams = 100;
const streamWindowBytes = 256 * 1024;
const connectionWindowBytes = maxStreams * streamWindowBytes;
/**
 * Bodies on their way are bounded where they are held, not here, in MB; and a model server's frames may cross the reset
 * of their stream any number of times.
 */
const sessionLimits = { maxSessionMemory: 1_000_000, maxSessionInvalidFrames: 1e9 };
/** A connection without a stream for so long is closed, in ms. */
const keepAliveMs = 60_000;
/** How often a connection with open streams is asked whether it lives, in ms; it has that long to answer. */
const pingMs = 15_000;

/** Hears of a connection: `failed` once, or `ready` once and then `gone` once. */
export interface Http2ConnectionListener {
  ready(connection: Http2Connection): void;
  failed(connection: Http2Connection, failure: UpstreamFailure): void;
  /** A stream is over, so that there may be room for another. */
  freed(connection: Http2Connection): void;
  /** It takes no new streams; those it has go on if they can. */
  gone(connection: Http2Connection): void;
}

/** A connection to a model server that is known to speak HTTP/2 in plaintext. */
export class Http2Connection {
  readonly #session: ClientHttp2Session;
  readonly #listener: Http2ConnectionListener;
  readonly #timer: NodeJS.Timeout;
  #pinger: NodeJS.Timeout | undefined;
  #state: "connecting" | "ready" | "over" = "connecting";
  #streams = 0;
  #isAnswered = true;
  #hasResponded = false;
  #error: Error | undefined;

  /** @param endpoint `ip:port`. */
  constructor(endpoint: string, timeoutMs: number, listener: Http2ConnectionListener) {
    this.#listener = listener;
    const settings = { enablePush: false, initialWindowSize: streamWindowBytes };
    const createConnection = ({ hostname, port }: URL) => open(hostname, Number(port));
    this.#session = connectHttp2(`http://${endpoint}`, { createConnection, settings, ...sessionLimits });
    this.#timer = setTimeout(() => this.#timedOut(timeoutMs), timeoutMs);
    this.#session.once("connect", () => this.#session.setLocalWindowSize(connectionWindowBytes));
    // A server's first settings say that it speaks HTTP/2, and how many streams it takes.
    this.#session.once("remoteSettings", () => this.#ready());
    this.#session.on("goaway", () => this.#end());
    this.#session.on("close", () => this.#end());
    this.#session.on("error", (error) => {
      this.#error ??= error;
    });
  }

  /** Whether a further stream may be opened. */
  get hasRoom(): boolean {
    const { closed, destroyed, remoteSettings } = this.#session;
    if (this.#state !== "ready" || closed || destroyed) return false;
    return this.#streams < Math.min(maxStreams, remoteSettings?.maxConcurrentStreams ?? maxStreams);
  }

  /** Whether it has brought a response. */
  get hasResponded(): boolean {
    return this.#hasResponded;
  }

  /**
   * Opens a stream.
   * @param headers names and values in turn.
   * @throws Node's error for headers that HTTP/2 does not know, and for a session that is over.
   */
  request(headers: readonly string[], endStream: boolean): ClientHttp2Stream {
    const stream = this.#session.request(headers, { endStream });
    this.#streams++;
    this.#pinger ??= setInterval(() => this.#ping(), pingMs).unref();
    stream.once("response", () => {
      this.#hasResponded = true;
    });
    stream.once("close", () => this.#closed());
    return stream;
  }

  destroy(): void {
    this.#session.destroy();
  }

  #closed(): void {
    this.#streams--;
    if (this.#streams === 0) {
      clearInterval(this.#pinger);
      this.#pinger = undefined;
      this.#isAnswered = true;
    }
    if (this.#state === "ready") this.#listener.freed(this);
  }

  #ready(): void {
    if (this.#state !== "connecting") return;
    this.#state = "ready";
    clearTimeout(this.#timer);
    this.#session.setTimeout(keepAliveMs, () => {
      if (this.#streams === 0) this.#session.close();
    });
    this.#listener.ready(this);
  }

  #timedOut(timeoutMs: number): void {
    this.#fail("connect_timeout", new Error(`no connection within ${timeoutMs} ms`));
    this.#session.destroy();
  }

  #end(): void {
    if (this.#state === "connecting") {
      this.#fail("connect_failed", this.#error ?? new Error("the model server closed the connection"));
    } else if (this.#state === "ready") {
      this.#state = "over";
      this.#listener.gone(this);
    }
  }

  #fail(kind: UpstreamFailure["kind"], error: Error): void {
    this.#state = "over";
    clearTimeout(this.#timer);
    this.#listener.failed(this, { kind, error });
  }

  #ping(): void {
    if (!this.#isAnswered) {
      this.#session.destroy(new Error(`the connection did not answer for ${pingMs} ms`));
      return;
    }
    this.#isAnswered = false;
    this.#session.ping((error) => {
      if (error === null) this.#isAnswered = true;
    });
  }
}

function open(hostname: string, port: number): Socket {
  return connect({ host: hostname.replace(/^\[(.*)\]$/, "$1"), port, noDelay: true, keepAlive: true });
}
