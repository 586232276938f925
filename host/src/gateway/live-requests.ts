import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** The requests that a gateway has open. */
export class LiveRequests {
  readonly #responses = new Map<Socket, ServerResponse>();
  #count = 0;
  #lastMs = 0;
  /** Whether no connection is to be used again. */
  isDraining = false;

  get count(): number {
    return this.#count;
  }

  /** When the last request came, on the monotonic clock, in ms; told while draining only. */
  get lastMs(): number {
    return this.#lastMs;
  }

  /** What is being answered on a connection; of requests sent behind one another the last one. */
  responseOn(socket: Socket): ServerResponse | undefined {
    return this.#responses.get(socket);
  }

  add(socket: Socket, response: ServerResponse): void {
    this.#count++;
    this.#responses.set(socket, response);
    if (this.isDraining) this.#lastMs = performance.now();
  }

  remove(socket: Socket, response: ServerResponse): void {
    this.#count--;
    if (this.#responses.get(socket) === response) this.#responses.delete(socket);
  }
}
