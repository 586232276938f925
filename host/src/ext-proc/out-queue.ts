/** Memory of small answers, shared by all streams: used from front to back and never written twice. */
const slabBytes = 65_536;
/** Pieces from here on leave uncopied: a write of its own costs what copying this much does. */
const keptBytes = 8_192;

let slab = Buffer.allocUnsafeSlow(slabBytes);
let slabAt = 0;

/** What a stream is about to send, in as few pieces as copying is worth. */
export class OutQueue {
  #pieces: Buffer[] = [];
  /** The piece that still grows: a part of a slab. */
  #slab = slab;
  #from = 0;
  #to = 0;

  get isEmpty(): boolean {
    return this.#pieces.length === 0 && this.#to === this.#from;
  }

  /** Appends a copy. */
  copy(bytes: Buffer): void {
    if (slab.length - slabAt < bytes.length) {
      slab = Buffer.allocUnsafeSlow(Math.max(slabBytes, bytes.length));
      slabAt = 0;
    }
    if (this.#slab !== slab || this.#to !== slabAt) {
      this.#endPiece();
      this.#slab = slab;
      this.#from = slabAt;
    }
    slab.set(bytes, slabAt);
    slabAt += bytes.length;
    this.#to = slabAt;
  }

  /** Appends the bytes themselves where they are many. */
  keep(bytes: Buffer): void {
    if (bytes.length < keptBytes) {
      this.copy(bytes);
    } else {
      this.#endPiece();
      this.#pieces.push(bytes);
    }
  }

  /** Hands over all pieces and is empty again. */
  take(): readonly Buffer[] {
    this.#endPiece();
    const pieces = this.#pieces;
    this.#pieces = [];
    return pieces;
  }

  #endPiece(): void {
    if (this.#to > this.#from) this.#pieces.push(this.#slab.subarray(this.#from, this.#to));
    this.#from = this.#to;
  }
}
