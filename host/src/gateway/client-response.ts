import type { ServerResponse } from "node:http";
import type { Refusal } from "../scheduling/types.ts";
import { answerError } from "./error-answer.ts";
import type { LiveRequests } from "./live-requests.ts";
import type { RequestTally } from "./request-tally.ts";
import type { UpstreamExchange } from "./upstream/types.ts";

/** One request's answer on its way to the client, no faster than the client reads. */
export class ClientResponse {
  readonly #response: ServerResponse;
  readonly #live: LiveRequests;
  readonly #tally: RequestTally;
  #hasWritten = false;
  #isPaused = false;
  /** What the answer comes from; it waits where the client does not read. */
  source: Pick<UpstreamExchange, "pause" | "resume"> | undefined;

  constructor(response: ServerResponse, live: LiveRequests, tally: RequestTally) {
    this.#response = response;
    this.#live = live;
    this.#tally = tally;
  }

  /** Whether it waits for the client to read. */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  /** Whether the client may have seen a status. */
  get hasBegun(): boolean {
    return this.#response.headersSent;
  }

  /** Whether nothing more will be written. */
  get isEnded(): boolean {
    return this.#response.writableEnded;
  }

  /** Whether all of it has left for the client. */
  get isThrough(): boolean {
    return this.#response.writableFinished;
  }

  /** The status sent; 0 = none. */
  get status(): number {
    return this.#response.headersSent ? this.#response.statusCode : 0;
  }

  /** Tells a client that waits for it to send the body. */
  proceed(): void {
    this.#response.writeContinue();
  }

  /**
   * Begins the answer. Headers go out with the first chunk where that comes at once, and alone where it does not.
   * @param headers names and values in turn; theirs is what is done to them.
   * @throws Node's error for a status or headers that HTTP does not know.
   */
  begin(status: number, headers: string[]): void {
    if (this.#live.isDraining) headers.push("connection", "close");
    this.#response.writeHead(status, headers);
    setImmediate(flushHeaders, this);
  }

  write(bytes: Uint8Array): void {
    this.#hasWritten = true;
    this.#tally.wrote(bytes.length);
    if (this.#response.write(bytes) || this.#isPaused) return;
    this.#isPaused = true;
    this.source?.pause();
    this.#response.once("drain", () => {
      this.#isPaused = false;
      this.source?.resume();
    });
  }

  /** @param trailers pairs of name and value. */
  end(trailers: readonly [name: string, value: string][]): void {
    this.#hasWritten = true;
    if (trailers.length > 0) this.#response.addTrailers(trailers);
    this.#response.end();
  }

  /** Answers with an error; it is still to be ended. @param closes whether the connection is closed behind it. */
  refuse(refusal: Refusal, requestId: string, closes: boolean): void {
    this.#hasWritten = true;
    this.#tally.code = refusal.code;
    answerError(this.#response, refusal, requestId, closes || this.#live.isDraining);
  }

  /** Cuts the connection. */
  destroy(): void {
    this.#response.destroy();
  }

  /** Sends the headers, where nothing has taken them along: byte for byte, which `flushHeaders` would not. */
  flush(): void {
    if (!this.#hasWritten) this.#response.write("", "latin1");
  }
}

function flushHeaders(response: ClientResponse): void {
  response.flush();
}
