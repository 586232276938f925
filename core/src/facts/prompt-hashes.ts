import { type ChainStart, type Hash64, hashBlocks } from "../hash/index.ts";
import type { Prompt } from "./prompt.ts";

/** Bytes that count as a token where nobody tokenises, and that stand for one in block hashes. */
export const TOKEN_BYTES = 4;

/** Bytes of UTF-8 that one unit of a string becomes, at most. */
const MAX_UNIT_BYTES = 3;

/** Tokens of a prompt, those of a text estimated by its bytes; `undefined` where there is no prompt. */
export function countPromptTokens(prompt: Prompt): number | undefined {
  if (prompt.kind === "tokens") return prompt.tokenIds.length;
  if (prompt.kind === "ascii") return Math.ceil(lengthOf(prompt.pieces) / TOKEN_BYTES);
  if (prompt.kind !== "text") return undefined;
  let bytes = 0;
  for (const piece of prompt.pieces) bytes += byteLengthOf(piece);
  return Math.ceil(bytes / TOKEN_BYTES);
}

/** Pieces up to this length are counted here: to ask for their length costs more. */
const SHORT_PIECE = 24;

function byteLengthOf(piece: string): number {
  if (piece.length > SHORT_PIECE) return Buffer.byteLength(piece);
  for (let i = 0; i < piece.length; i++) if (piece.charCodeAt(i) > 0x7f) return Buffer.byteLength(piece);
  return piece.length;
}

/** Hashes of a prompt's full blocks, of its UTF-8 text or of its token ids as 32-bit words; none without a prompt. */
export function hashPrompt(prompt: Prompt, blockSizeTokens: number, maxTokens: number, seed: Hash64): Uint32Array {
  const blockBytes = blockSizeTokens * TOKEN_BYTES;
  const maxBlocks = Math.floor(maxTokens / blockSizeTokens);
  return hashBlocks(toBytes(prompt, maxBlocks * blockBytes), blockBytes, seed, maxBlocks);
}

/** As {@link hashPrompt} of a text, with where the hashes go on behind it; nowhere where they are as many as may be. */
export function hashOnwards(
  prompt: Prompt,
  blockSizeTokens: number,
  maxTokens: number,
  seed: Hash64,
): { readonly hashes: Uint32Array; readonly next: ChainStart | undefined } {
  const blockBytes = blockSizeTokens * TOKEN_BYTES;
  const maxBlocks = Math.floor(maxTokens / blockSizeTokens);
  const bytes = toBytes(prompt, maxBlocks * blockBytes);
  const hashes = hashBlocks(bytes, blockBytes, seed, maxBlocks);
  const blocks = hashes.length / 2;
  if (blocks === maxBlocks) return { hashes, next: undefined };
  const hash = blocks === 0 ? seed : { low: hashes[2 * blocks - 2], high: hashes[2 * blocks - 1] };
  const rest = new Uint8Array(bytes.subarray(blocks * blockBytes));
  return { hashes, next: { hash, rest, blockBytes, maxBlocks: maxBlocks - blocks } };
}

/** A prompt as it is hashed, at least `limit` bytes of it where it has them; valid until the next call. */
function toBytes(prompt: Prompt, limit: number): Uint8Array {
  if (prompt.kind === "text") return encode(prompt.pieces, limit);
  if (prompt.kind === "ascii") return join(prompt.pieces, limit);
  return prompt.kind === "tokens" ? new Uint8Array(prompt.tokenIds.buffer) : noBytes;
}

const noBytes = new Uint8Array(0);

let scratch = Buffer.allocUnsafeSlow(1 << 16);

/** UTF-8 of a text, as long as `limit` bytes or little more; valid until the next call. */
function encode(pieces: readonly string[], limit: number): Uint8Array {
  const room = Math.min(MAX_UNIT_BYTES * lengthOf(pieces), limit + MAX_UNIT_BYTES);
  makeRoom(room);
  let length = 0;
  for (const piece of pieces) {
    if (length >= limit) break;
    length += scratch.write(piece, length, room - length, "utf8");
  }
  return scratch.subarray(0, length);
}

/** The first `limit` bytes of pieces in one; valid until the next call. */
function join(pieces: readonly Uint8Array[], limit: number): Uint8Array {
  const room = Math.min(lengthOf(pieces), limit);
  makeRoom(room);
  let length = 0;
  for (const piece of pieces) {
    const part = piece.length > room - length ? piece.subarray(0, room - length) : piece;
    scratch.set(part, length);
    length += part.length;
  }
  return scratch.subarray(0, length);
}

function makeRoom(bytes: number): void {
  if (scratch.length < bytes) scratch = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(bytes)));
}

function lengthOf(pieces: readonly { readonly length: number }[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
