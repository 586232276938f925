import { connect, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";
import type { PageBuffers } from "./page-buffers.ts";
import { createResponseReader, type IsWhole, type ResponseReader } from "./response-reader.ts";
import type { ScrapeFault } from "./scrape-fault.ts";

/** Fetches a page of one endpoint over one connection that is kept. */
export interface PageConnection {
  /** Whether a connection stands. */
  readonly connected: boolean;
  /** Asks for the page, over a new connection where none stands; not while an answer is due. */
  fetch(): void;
  /** Drops the connection; an answer that is due never comes. It may be asked again. */
  close(): void;
}

/** Hears of the answers; exactly one call for each {@link PageConnection.fetch} that is not closed. */
export interface PageListener {
  /** The page, only valid during the call. */
  onPage(page: Buffer): void;
  onFault(fault: ScrapeFault): void;
}

/** Makes connections; the edge that tests replace. */
export type ConnectPages = (address: string, listener: PageListener) => PageConnection;

/** How the other side of TLS is seen. */
export interface PageTls {
  /** Authorities, and the certificate of this side. */
  readonly context: SecureContext;
  /** Whether a certificate that the authorities do not vouch for, or that is another server's, ends the connection. */
  readonly verifies: boolean;
}

/** What all connections have in common. */
export interface PageConnectionOptions {
  /** Path of the page, such as `/metrics`. */
  readonly path: string;
  /** Port in the place of an endpoint's own; default 0 = its own. */
  readonly port?: number;
  /** Default none: plaintext. */
  readonly tls?: PageTls | undefined;
  /** Media type that is asked for; default that of metrics. */
  readonly accept?: string;
  /** Longest page, in bytes. */
  readonly maxPageBytes: number;
  /** Default: a page of lines. */
  readonly isWhole?: IsWhole;
  readonly buffers: PageBuffers;
}

const readBytes = 256 * 1024;

/**
 * An HTTP/1.1 client for this one exchange: less than half of the CPU time that `undici` or `node:http` take for it,
 * since nothing is made per exchange and a page that comes in one read is handed on where it was read to.
 */
export function createPageConnections(options: PageConnectionOptions): ConnectPages {
  const shared = Buffer.allocUnsafeSlow(readBytes);
  // On Windows a read holds its buffer while it waits.
  const readBuffer = () => (process.platform === "win32" ? Buffer.allocUnsafeSlow(readBytes) : shared);
  return (address, listener) => new Connection(address, listener, options, readBuffer());
}

class Connection implements PageConnection {
  readonly #host: string;
  readonly #port: number;
  readonly #tls: PageTls | undefined;
  readonly #request: Buffer;
  readonly #listener: PageListener;
  readonly #reader: ResponseReader;
  readonly #readBuffer: Buffer;
  #socket: Socket | undefined;
  #waiting = false;
  /** Whether TLS, where it is spoken, has been agreed on. */
  #agreed = true;
  #established = false;
  /** Whether the connection has answered before: it may then end just as it is asked again. */
  #answered = false;

  constructor(address: string, listener: PageListener, options: PageConnectionOptions, readBuffer: Buffer) {
    const { path, port = 0, tls, accept = "text/plain;version=0.0.4" } = options;
    const url = new URL(`http://${address}`);
    this.#host = url.hostname.replaceAll(/[[\]]/g, "");
    this.#port = port === 0 ? Number(url.port || 80) : port;
    this.#tls = tls;
    this.#request = Buffer.from(
      `GET ${path} HTTP/1.1\r\nhost: ${url.hostname}:${this.#port}\r\naccept: ${accept}\r\n` +
        "accept-encoding: identity\r\nuser-agent: outrider\r\n\r\n",
    );
    this.#listener = listener;
    this.#reader = createResponseReader(options.maxPageBytes, options.buffers, options.isWhole);
    this.#readBuffer = readBuffer;
  }

  get connected(): boolean {
    return this.#established;
  }

  fetch(): void {
    this.#waiting = true;
    this.#reader.reset();
    this.#socket ??= this.#connect();
    this.#socket.write(this.#request);
  }

  close(): void {
    this.#waiting = false;
    this.#reader.reset();
    this.#drop();
  }

  #connect(): Socket {
    const socket = this.#tls === undefined ? this.#connectPlain() : this.#connectTls(this.#tls);
    let cause: NodeJS.ErrnoException | undefined;
    socket.on("connect", () => {
      if (this.#socket === socket) this.#established = true;
    });
    socket.on("error", (error) => {
      cause = error;
    });
    socket.on("end", () => this.#socket === socket && this.#end());
    socket.on("close", () => this.#socket === socket && this.#lost(cause));
    return socket;
  }

  #connectPlain(): Socket {
    const socket = connect({
      host: this.#host,
      port: this.#port,
      noDelay: true,
      onread: {
        buffer: this.#readBuffer,
        callback: (count) => {
          if (this.#socket === socket) this.#read(this.#readBuffer.subarray(0, count));
          return true;
        },
      },
    });
    return socket;
  }

  #connectTls({ context, verifies }: PageTls): Socket {
    const socket = connectTls({
      host: this.#host,
      port: this.#port,
      secureContext: context,
      rejectUnauthorized: verifies,
    });
    this.#agreed = false;
    socket.setNoDelay(true);
    socket.on("secureConnect", () => {
      if (this.#socket === socket) this.#agreed = true;
    });
    socket.on("data", (bytes: Buffer) => {
      if (this.#socket === socket) this.#read(bytes);
    });
    return socket;
  }

  #read(bytes: Buffer): void {
    const result = this.#waiting ? this.#reader.read(bytes) : undefined;
    if (result !== undefined) this.#settle(result);
    else if (!this.#waiting) this.#drop();
  }

  /** The server has closed its side. Before TLS is agreed on, why it did comes with the end of the connection. */
  #end(): void {
    if (!this.#agreed) return;
    if (this.#waiting && this.#reader.started) this.#settle(this.#reader.end());
    else this.#lost(undefined);
  }

  #lost(cause: NodeJS.ErrnoException | undefined): void {
    const stale = this.#answered && !this.#reader.started;
    const refusesTls = !this.#agreed || cause?.code?.startsWith("ERR_SSL") === true;
    const reason = !this.#established ? "refused" : refusesTls ? "tls" : "reset";
    this.#drop();
    if (!this.#waiting) return;
    if (stale) this.fetch();
    else this.#settle({ reason, detail: cause?.code ?? cause?.message ?? "the connection ended" });
  }

  #settle(result: Buffer | ScrapeFault): void {
    this.#waiting = false;
    const isPage = Buffer.isBuffer(result);
    if (isPage && this.#reader.keepAlive) this.#answered = true;
    else this.#drop();
    if (isPage) this.#listener.onPage(result);
    else this.#listener.onFault(result);
    if (!this.#waiting) this.#reader.reset();
  }

  #drop(): void {
    const socket = this.#socket;
    this.#socket = undefined;
    this.#established = this.#answered = false;
    socket?.destroy();
  }
}
