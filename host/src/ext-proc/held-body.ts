import type { HeldBytes } from "../doors/held-bytes.ts";
import type { DoorLimits } from "../doors/limits.ts";
import { tooLarge, tooMuchHeld } from "../doors/refusals.ts";
import type { Refusal } from "../scheduling/types.ts";

/** The body of a request while it is held: counted against the limits, and given back once. */
export class HeldBody {
  readonly #limits: Pick<DoorLimits, "maxBodyBytes">;
  readonly #held: HeldBytes;
  #chunks: Buffer[] = [];
  #bytes = 0;

  /** Nothing is held yet. @param held what all bodies hold together. */
  constructor(limits: Pick<DoorLimits, "maxBodyBytes">, held: HeldBytes) {
    this.#limits = limits;
    this.#held = held;
  }

  /** What is held, in order, no chunk of it empty; stays what it is when it is let go. */
  get chunks(): readonly Buffer[] {
    return this.#chunks;
  }

  /** Length of what is held. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Holds another chunk; returns why it is not held. */
  add(chunk: Buffer): Refusal | undefined {
    if (this.#bytes + chunk.length > this.#limits.maxBodyBytes) return tooLarge(this.#limits.maxBodyBytes);
    if (!this.#held.take(chunk.length)) return tooMuchHeld(this.#held.maxBytes);
    this.#bytes += chunk.length;
    if (chunk.length > 0) this.#chunks.push(chunk);
    return undefined;
  }

  /** Holds nothing any more. */
  letGo(): void {
    if (this.#chunks.length > 0) this.#chunks = [];
    if (this.#bytes > 0) this.#held.give(this.#bytes);
    this.#bytes = 0;
  }
}
