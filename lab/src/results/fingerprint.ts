import type { LabRequest } from "../contract/index.ts";

/** Tells whether two runs were sent the same requests, whatever became of them and in whatever order. */
export interface Fingerprint {
  add(request: LabRequest): void;
  /** 16 digits, lower-case hex. */
  readonly hex: string;
}

/** The sum of a hash per request: of its lengths, and of its last content key, which stands for all before it. */
export function createFingerprint(): Fingerprint {
  let high = 0;
  let low = 0;
  return {
    add({ promptTokens, outputTokens, blockKeys }) {
      const key = blockKeys.at(-1) ?? 0;
      const words = [promptTokens, outputTokens, blockKeys.length, key >>> 0, (key / 2 ** 32) >>> 0];
      high = (high + mix(words, 0x9e3779b9)) >>> 0;
      low = (low + mix(words, 0x85ebca6b)) >>> 0;
    },
    get hex() {
      return [high, low].map((word) => word.toString(16).padStart(8, "0")).join("");
    },
  };
}

/** Murmur3's rounds over 32-bit words. */
function mix(words: readonly number[], seed: number): number {
  let hash = seed;
  for (const word of words) {
    const scrambled = Math.imul(rotate(Math.imul(word, 0xcc9e2d51), 15), 0x1b873593);
    hash = (Math.imul(rotate(hash ^ scrambled, 13), 5) + 0xe6546b64) | 0;
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

function rotate(word: number, bits: number): number {
  return (word << bits) | (word >>> (32 - bits));
}
