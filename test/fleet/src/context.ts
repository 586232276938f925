/** Bytes of UTF-8 that stand for one token: the estimate the fleet lives by. */
export const bytesPerToken = 4;

/** A prompt with its answer, as lengths, content keys and text. */
export interface Context {
  /** Length of the prompt, at least 1. */
  readonly promptTokens: number;
  /** Content key per full block of prompt and answer, as the engine wants them. */
  readonly blockKeys: Float64Array;
  /** Text of the answer's tokens from `start` to `end` (not included). */
  answer(start: number, end: number): string;
}

/**
 * Works out a context. The answer follows from the prompt, so that a conversation which contains it is found in the
 * prefix cache. The keys are chained and of the fleet's own making: they are the oracle of hit rates.
 * @param prompt what the model reads: text, or token ids of 4 bytes each.
 * @param seed what keeps equal text apart, such as an adapter or a cache salt.
 */
export function createContext(
  prompt: string | Int32Array,
  outputTokens: number,
  blockSizeTokens: number,
  seed: string,
): Context {
  const promptBytes = typeof prompt === "string" ? Buffer.byteLength(prompt) : prompt.byteLength;
  const words = new Int32Array(Math.ceil(promptBytes / bytesPerToken) + outputTokens);
  const bytes = Buffer.from(words.buffer);
  if (typeof prompt === "string") bytes.write(prompt, "utf8");
  else words.set(prompt);
  const end = promptBytes + outputTokens * bytesPerToken;
  writeAnswer(bytes, promptBytes, end, sumOf(words, Math.ceil(promptBytes / bytesPerToken)));
  return {
    promptTokens: Math.max(1, Math.ceil(promptBytes / bytesPerToken)),
    blockKeys: chainKeys(words, Math.floor(end / bytesPerToken / blockSizeTokens), blockSizeTokens, seed),
    answer: (from, to) =>
      bytes.toString("latin1", promptBytes + from * bytesPerToken, promptBytes + to * bytesPerToken),
  };
}

const syllables = Buffer.from(
  Array.from({ length: 256 }, (_, i) => `${"bdfgklmnprstvwxz"[i >> 4]}${"aeiou"[i % 5]}${"lnrstmkp"[i & 7]} `).join(""),
);

/** Fills in tokens of four characters: a syllable and a space. */
function writeAnswer(bytes: Buffer, start: number, end: number, seed: number): void {
  let state = seed;
  for (let at = start; at < end; at += bytesPerToken) {
    state = (Math.imul(state, 0x0019_660d) + 0x3c6e_f35f) | 0;
    syllables.copy(bytes, at, (state >>> 24) * bytesPerToken, (state >>> 24) * bytesPerToken + bytesPerToken);
  }
}

function sumOf(words: Int32Array, count: number): number {
  let sum = 0;
  for (let i = 0; i < count; i++) sum = (Math.imul(sum, 31) + words[i]) | 0;
  return sum;
}

/** Two 32-bit lanes over the words of all blocks so far; 53 bits of them are a block's key. */
function chainKeys(words: Int32Array, blocks: number, wordsPerBlock: number, seed: string): Float64Array {
  const keys = new Float64Array(blocks);
  let low = 0x1b87_3593;
  let high = 0x7feb_352d;
  for (let i = 0; i < seed.length; i++) {
    low = mix(low ^ seed.charCodeAt(i), 0x2c1b_3c6d);
    high = mix(high + seed.charCodeAt(i), 0x297a_2d39);
  }
  for (let block = 0, at = 0; block < blocks; block++) {
    for (const end = at + wordsPerBlock; at < end; at++) {
      low = mix(low ^ words[at], 0x2c1b_3c6d);
      high = mix(high + words[at], 0x297a_2d39);
    }
    keys[block] = (high >>> 11) * 0x1_0000_0000 + (low >>> 0);
  }
  return keys;
}

function mix(value: number, factor: number): number {
  const spread = Math.imul(value ^ (value >>> 15), factor);
  return spread ^ (spread >>> 13);
}
