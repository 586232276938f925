import type { DeadlineSweep, Guarded } from "../doors/deadlines.ts";
import type { HeldBytes } from "../doors/held-bytes.ts";
import type { DoorLimits } from "../doors/limits.ts";
import { tooLarge, tooMuchHeld, tooSlow } from "../doors/refusals.ts";
import type { Refusal } from "../scheduling/types.ts";
import type { AnyRequest } from "./listener.ts";

/** What bodies of calls are received with. */
export interface ReceiveParts {
  readonly limits: DoorLimits;
  readonly held: HeldBytes;
  readonly sweep: DeadlineSweep;
}

/** A call's body, or why it is not read. */
export interface ReceivedBody {
  /** All of it, or the refusal. */
  readonly content: Uint8Array | Refusal;
  /** Lets go of the memory it was allowed. */
  release(): void;
}

/** Of JSON its text and what it decodes to stand beside the bytes; of protobuf nothing does. */
const copiesOfJson = 3;
/** Base64 makes four characters of three bytes. */
const base64Growth = 4 / 3;
/** Room in a call for what is neither headers nor body. */
const besideBytes = 64 * 1024;

/** Most bytes of a call: the largest body in Base64, the largest headers with their names in JSON, and the rest. */
function maxCallBytes({ maxBodyBytes, maxHeaderBytes }: DoorLimits): number {
  return Math.ceil(maxBodyBytes * base64Growth) + 2 * maxHeaderBytes + besideBytes;
}

/**
 * Holds a call until it is whole. Settles with `undefined` where the connection breaks off. What comes of a call behind
 * a refusal is dropped, for as long as a call may take.
 */
export function receiveBody(request: AnyRequest, parts: ReceiveParts): Promise<ReceivedBody | undefined> {
  return new Promise((resolve) => new Receiver(request, parts, resolve).start());
}

class Receiver implements Guarded {
  dueMs = 0;
  readonly #request: AnyRequest;
  readonly #parts: ReceiveParts;
  readonly #resolve: (received: ReceivedBody | undefined) => void;
  readonly #maxBytes: number;
  readonly #copies: number;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #heldBytes = 0;
  #isOver = false;

  constructor(request: AnyRequest, parts: ReceiveParts, resolve: (received: ReceivedBody | undefined) => void) {
    this.#request = request;
    this.#parts = parts;
    this.#resolve = resolve;
    this.#maxBytes = maxCallBytes(parts.limits);
    this.#copies = request.headers["content-type"]?.includes("json") === true ? copiesOfJson : 1;
  }

  start(): void {
    this.#parts.sweep.add(this, this.#parts.limits.maxRequestMs);
    this.#request.on("error", () => this.#leave());
    this.#request.on("close", () => this.#leave());
    this.#request.on("end", () => this.#finish(this.#whole()));
    this.#request.on("data", (chunk: Buffer) => this.#take(chunk));
    if (Number(this.#request.headers["content-length"]) > this.#maxBytes) this.#finish(this.#tooLarge());
  }

  overdue(): void {
    if (this.#isOver) this.#request.destroy();
    else this.#finish(tooSlow(this.#parts.limits.maxRequestMs));
  }

  #take(chunk: Buffer): void {
    if (this.#isOver) return;
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) this.#finish(this.#tooLarge());
    else if (this.#hold(chunk.length * this.#copies)) this.#chunks.push(chunk);
    else this.#finish(tooMuchHeld(this.#parts.held.maxBytes));
  }

  #hold(bytes: number): boolean {
    const isHeld = this.#parts.held.take(bytes);
    if (isHeld) this.#heldBytes += bytes;
    return isHeld;
  }

  #whole(): Uint8Array {
    return this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
  }

  #tooLarge(): Refusal {
    return tooLarge(this.#parts.limits.maxBodyBytes);
  }

  #finish(content: Uint8Array | Refusal): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#chunks = [];
    if ("kind" in content) this.#release();
    this.#resolve({ content, release: () => this.#release() });
  }

  /** The request is through, or its client is gone. */
  #leave(): void {
    this.#parts.sweep.remove(this);
    if (this.#isOver) return;
    this.#isOver = true;
    this.#chunks = [];
    this.#release();
    this.#resolve(undefined);
  }

  #release(): void {
    this.#parts.held.give(this.#heldBytes);
    this.#heldBytes = 0;
  }
}
