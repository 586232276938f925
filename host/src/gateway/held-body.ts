import type { HeldBytes } from "../doors/held-bytes.ts";
import type { DoorLimits } from "../doors/limits.ts";
import { tooLarge, tooMuchHeld } from "../doors/refusals.ts";
import type { Refusal } from "../scheduling/types.ts";

/** Chunks that are kept as they come; behind them small ones are copied together, since each costs more than its bytes. */
const keptChunks = 16;
const smallBytes = 4 * 1024;
const tailBytes = 16 * 1024;

/** The body of one request as it comes in, within what a request and all requests together may hold. */
export class HeldBody {
  readonly #maxBytes: number;
  readonly #held: HeldBytes;
  #chunks: Buffer[] = [];
  #bytes = 0;
  #taken = 0;
  /** The last chunk is a buffer of our own, of which so many bytes are in use; -1 = it is not. */
  #tailUsed = -1;

  constructor({ maxBodyBytes }: Pick<DoorLimits, "maxBodyBytes">, held: HeldBytes) {
    this.#maxBytes = maxBodyBytes;
    this.#held = held;
  }

  /** Bytes that came in. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Takes a chunk. @returns why it cannot. */
  add(chunk: Buffer): Refusal | undefined {
    this.#bytes += chunk.length;
    if (this.#bytes > this.#maxBytes) return tooLarge(this.#maxBytes);
    if (!this.#held.take(chunk.length)) return tooMuchHeld(this.#held.maxBytes);
    this.#taken += chunk.length;
    if (this.#chunks.length >= keptChunks && chunk.length < smallBytes) {
      this.#append(chunk);
    } else {
      this.#endTail();
      this.#chunks.push(chunk);
    }
    return undefined;
  }

  /** All of it, once nothing more comes. */
  end(): readonly Buffer[] {
    this.#endTail();
    return this.#chunks;
  }

  /** Lets go of it; once is enough. */
  release(): void {
    this.#held.give(this.#taken);
    this.#taken = 0;
    this.#chunks = [];
  }

  #append(chunk: Buffer): void {
    if (this.#tailUsed < 0 || this.#tailUsed + chunk.length > tailBytes) {
      this.#endTail();
      this.#chunks.push(Buffer.allocUnsafeSlow(tailBytes));
      this.#tailUsed = 0;
    }
    chunk.copy(this.#chunks.at(-1) as Buffer, this.#tailUsed);
    this.#tailUsed += chunk.length;
  }

  #endTail(): void {
    if (this.#tailUsed < 0) return;
    this.#chunks.push((this.#chunks.pop() as Buffer).subarray(0, this.#tailUsed));
    this.#tailUsed = -1;
  }
}
