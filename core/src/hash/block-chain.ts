import { type Hash64, hashBlocks } from "./hash-blocks.ts";

/** Where a chain of block hashes goes on behind some text. */
export interface ChainStart {
  /** Hash of the last whole block; the chain's seed where there is none. */
  readonly hash: Hash64;
  /** Bytes of UTF-8 behind that block, fewer than a block has. */
  readonly rest: Uint8Array;
  readonly blockBytes: number;
  /** Most blocks that follow. */
  readonly maxBlocks: number;
}

/** Hashes text that comes in pieces, as {@link hashBlocks} does the whole; it holds little more than a block of it. */
export interface BlockChain {
  /** Whether it has as many blocks as it may. */
  readonly isFull: boolean;
  /** Adds a piece, cut anywhere, between the halves of a character too. */
  add(text: string): void;
  /** The text is whole: the hashes of the blocks that were completed, two words each. Nothing is added behind it. */
  end(): Uint32Array;
}

/** Goes on with a chain. */
export function createBlockChain(start: ChainStart): BlockChain {
  return new TextChain(start);
}

class TextChain implements BlockChain {
  readonly #blockBytes: number;
  readonly #hashes: Uint32Array[] = [];
  #hash: Hash64;
  #rest: Uint8Array;
  #blocksLeft: number;
  #text = "";

  constructor({ hash, rest, blockBytes, maxBlocks }: ChainStart) {
    this.#hash = hash;
    this.#rest = rest;
    this.#blockBytes = blockBytes;
    this.#blocksLeft = maxBlocks;
  }

  get isFull(): boolean {
    return this.#blocksLeft === 0;
  }

  add(text: string): void {
    if (this.isFull) return;
    this.#text += text;
    if (this.#text.length >= this.#blockBytes) this.#hashText(endsInHalf(this.#text) ? 1 : 0);
  }

  end(): Uint32Array {
    this.#hashText(0);
    const hashes = new Uint32Array(this.#hashes.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of this.#hashes) {
      hashes.set(part, at);
      at += part.length;
    }
    return hashes;
  }

  /** Hashes the blocks that are whole by now. @param held units of the text that wait for more. */
  #hashText(held: number): void {
    const end = this.#text.length - held;
    const bytes = Buffer.concat([this.#rest, Buffer.from(this.#text.slice(0, end))]);
    this.#text = this.#text.slice(end);
    const hashes = hashBlocks(bytes, this.#blockBytes, this.#hash, this.#blocksLeft);
    const blocks = hashes.length / 2;
    this.#rest = new Uint8Array(bytes.subarray(blocks * this.#blockBytes, (blocks + 1) * this.#blockBytes));
    if (blocks === 0) return;
    this.#blocksLeft -= blocks;
    this.#hash = { low: hashes[2 * blocks - 2], high: hashes[2 * blocks - 1] };
    this.#hashes.push(hashes);
  }
}

/** Whether the second half of the last character is still to come. */
function endsInHalf(text: string): boolean {
  const unit = text.charCodeAt(text.length - 1);
  return unit >= 0xd800 && unit < 0xdc00;
}
