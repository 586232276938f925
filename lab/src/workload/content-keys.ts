import { keyBlockTokens } from "../contract/index.ts";

/** State of a chain behind what was added, from which a longer content goes on. */
export interface ContentState {
  /** Tokens in all. */
  readonly tokens: number;
  /** Key of each full block so far. */
  readonly keys: Float64Array;
  readonly low: number;
  readonly high: number;
}

/** Nothing yet. */
export const noContent: ContentState = { tokens: 0, keys: new Float64Array(0), low: 0x243f6a88, high: 0x85a308d3 };

/** A run of tokens that two requests have in common where both of its numbers and its length are the same. */
export interface Segment {
  /** 32 bits, such as what it is part of. */
  readonly space: number;
  /** 32 bits, such as which of these it is. */
  readonly id: number;
  /** Length, at least 0. */
  readonly tokens: number;
}

/**
 * Content keys of segments one behind the other: each key stands for its 16 tokens and all before them, 53 bits of a
 * 64-bit state through which every block has passed.
 * @param from what is in front of them; unchanged.
 */
export function addContent(from: ContentState, segments: readonly Segment[]): ContentState {
  const tokens = segments.reduce((sum, segment) => sum + segment.tokens, from.tokens);
  const keys = new Float64Array(Math.floor(tokens / keyBlockTokens));
  keys.set(from.keys);
  let { low, high, tokens: at } = from;
  for (const segment of segments) {
    const space = scatter(segment.space);
    const id = scatter(segment.id ^ 0x5bd1e995);
    for (let offset = 0; offset < segment.tokens; ) {
      const taken = Math.min(keyBlockTokens - (at % keyBlockTokens), segment.tokens - offset);
      low = Math.imul(low ^ space ^ Math.imul(offset * 32 + taken, 0x9e3779b1), 0x85ebca6b);
      low ^= low >>> 15;
      high = Math.imul((high ^ id) + low, 0xc2b2ae35);
      high ^= high >>> 13;
      low = (low + ((high << 11) | (high >>> 21))) | 0;
      offset += taken;
      at += taken;
      if (at % keyBlockTokens === 0) keys[at / keyBlockTokens - 1] = toKey(low, high);
    }
  }
  return { tokens, keys, low, high };
}

/** Key of one 16-token piece of a recorded block, whose id already stands for all before it. */
export function recordedKey(space: number, blockId: number, piece: number): number {
  let low = Math.imul(scatter(space) ^ blockId, 0x85ebca6b);
  low ^= low >>> 15;
  let high = Math.imul(scatter(Math.floor(blockId / 2 ** 32) ^ Math.imul(piece + 1, 0x9e3779b1)) + low, 0xc2b2ae35);
  high ^= high >>> 13;
  low = Math.imul(low + ((high << 11) | (high >>> 21)), 0x27d4eb2f);
  return toKey(low ^ (low >>> 15), high);
}

/** 53 bits of 64 as a whole number. */
function toKey(low: number, high: number): number {
  return (high & 0x1fffff) * 2 ** 32 + (low >>> 0);
}

/** 32 bits, well mixed (finaliser of MurmurHash3); no two inputs give the same. */
function scatter(value: number): number {
  let mixed = value >>> 0;
  mixed = Math.imul(mixed ^ (mixed >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}
