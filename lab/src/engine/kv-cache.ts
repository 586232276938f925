import { BlockPool } from "./block-pool.ts";
import type { Sequence } from "./sequence.ts";

/** Which sequence holds which KV blocks, and what of them others can find by content. */
export class KvCache {
  /** Blocks in all. */
  readonly totalBlocks: number;
  readonly #pool: BlockPool;
  readonly #blockSizeTokens: number;
  /** Blocks of decoding sequences, one that several share counted for each. */
  #decodersBlocks = 0;

  /** @param totalBlocks at least 1. @param blockSizeTokens tokens a block, at least 1. */
  constructor(totalBlocks: number, blockSizeTokens: number) {
    this.totalBlocks = totalBlocks;
    this.#pool = new BlockPool(totalBlocks);
    this.#blockSizeTokens = blockSizeTokens;
  }

  /** Blocks that no sequence holds. */
  get freeBlocks(): number {
    return this.#pool.freeBlocks;
  }

  /** Context that decoding sequences share, in tokens: each block as often as it has users beyond the first. */
  get sharedTokens(): number {
    return (this.#decodersBlocks - this.#pool.decodedBlocks) * this.#blockSizeTokens;
  }

  /** Blocks that this many tokens take. */
  blocksFor(tokens: number): number {
    return Math.ceil(tokens / this.#blockSizeTokens);
  }

  /** Gives a sequence all blocks of its prefill, as many as possible by content, or none when too few are free. */
  acquire(sequence: Sequence): boolean {
    const pool = this.#pool;
    const blocks = this.blocksFor(sequence.prefillTokens);
    if (sequence.blocks.length === 0) sequence.blocks = new Int32Array(this.#blocksAtEnd(sequence));
    const hits = this.#findPrefix(sequence);
    let needed = blocks - hits;
    for (let i = 0; i < hits; i++) if (pool.isFree(sequence.blocks[i])) needed += 1;
    if (needed > pool.freeBlocks) return false;
    for (let i = 0; i < hits; i++) pool.retain(sequence.blocks[i]);
    for (let i = hits; i < blocks; i++) sequence.blocks[i] = pool.take();
    sequence.blockCount = blocks;
    sequence.publishedBlocks = hits;
    sequence.computedTokens = hits * this.#blockSizeTokens;
    return true;
  }

  /** Counts the blocks of a sequence whose prefill is complete as read by every step. */
  beginDecode({ blocks, blockCount }: Sequence): void {
    for (let i = 0; i < blockCount; i++) this.#pool.addDecoder(blocks[i]);
    this.#decodersBlocks += blockCount;
  }

  /** Gives a decoding sequence blocks for so many tokens; they must be free. */
  grow(sequence: Sequence, contextTokens: number): void {
    const blocks = this.blocksFor(contextTokens);
    while (sequence.blockCount < blocks) {
      const block = this.#pool.take();
      this.#pool.addDecoder(block);
      sequence.blocks[sequence.blockCount++] = block;
      this.#decodersBlocks += 1;
    }
  }

  /** Makes the blocks that so many tokens fill findable, as far as the sequence has keys for them. */
  publish(sequence: Sequence, computedTokens: number): void {
    const { blockKeys } = sequence.request;
    const full = Math.min(Math.floor(computedTokens / this.#blockSizeTokens), blockKeys.length);
    for (let i = sequence.publishedBlocks; i < full; i++) this.#pool.publish(sequence.blocks[i], blockKeys[i]);
    sequence.publishedBlocks = Math.max(full, sequence.publishedBlocks);
  }

  /** Takes all blocks from a sequence, from the end, so that the start of a prefix outlives its tail. */
  release(sequence: Sequence): void {
    const { blocks, blockCount, phase } = sequence;
    if (phase === "decode") {
      this.#decodersBlocks -= blockCount;
      for (let i = 0; i < blockCount; i++) this.#pool.removeDecoder(blocks[i]);
    }
    for (let i = blockCount - 1; i >= 0; i--) this.#pool.release(blocks[i]);
    sequence.blockCount = 0;
  }

  /** Leading blocks found by content, written to the sequence's list; the last token is always computed. */
  #findPrefix({ request, prefillTokens, blocks }: Sequence): number {
    const { blockKeys } = request;
    const most = Math.min(blockKeys.length, Math.floor((prefillTokens - 1) / this.#blockSizeTokens));
    for (let i = 0; i < most; i++) {
      const block = this.#pool.find(blockKeys[i]);
      if (block < 0) return i;
      blocks[i] = block;
    }
    return most;
  }

  #blocksAtEnd({ request }: Sequence): number {
    return this.blocksFor(request.promptTokens + request.outputTokens - 1);
  }
}
