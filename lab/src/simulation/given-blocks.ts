import type { Hash64 } from "@outrider/core";
import { keyBlockTokens, type LabRequest } from "../contract/index.ts";

/**
 * Hashes of a prompt's full blocks, made of its content keys: equal where the keys of all that a block and those before
 * it reach into are equal, and so are the seeds.
 */
export function hashKeys(
  { promptTokens, blockKeys }: Pick<LabRequest, "promptTokens" | "blockKeys">,
  blockSizeTokens: number,
  maxBlocks: number,
  seed: Hash64,
): Uint32Array {
  const keyed = Math.min(promptTokens, blockKeys.length * keyBlockTokens);
  const blocks = Math.min(Math.floor(keyed / blockSizeTokens), maxBlocks);
  const hashes = new Uint32Array(2 * blocks);
  for (let block = 0; block < blocks; block++) {
    const key = blockKeys[keyOf(block, blockSizeTokens)];
    const low = mix(seed.low ^ Math.imul(key >>> 0, P1) ^ Math.imul(block + 1, P3));
    const high = mix(seed.high ^ Math.imul((key / 2 ** 32) >>> 0, P2) ^ low);
    hashes[2 * block] = low + high;
    hashes[2 * block + 1] = high;
  }
  return hashes;
}

/** Content keys for blocks of another size than those of the workload, and of an adapter's own; what fits stays as it is. */
export function toEngineKeys(blockKeys: Float64Array, blockSizeTokens: number, adapter: string): Float64Array {
  if (blockSizeTokens === keyBlockTokens && adapter === "") return blockKeys;
  const blocks = Math.floor((blockKeys.length * keyBlockTokens) / blockSizeTokens);
  const salt = adapter === "" ? 0 : hashName(adapter);
  const keys = new Float64Array(blocks);
  for (let block = 0; block < blocks; block++) {
    const key = blockKeys[keyOf(block, blockSizeTokens)];
    const low = mix(Math.imul(key >>> 0, P1) ^ Math.imul(block + 1, P3) ^ salt) >>> 0;
    const high = mix(Math.imul((key / 2 ** 32) >>> 0, P2) ^ low) & 0x1fffff;
    keys[block] = high * 2 ** 32 + low;
  }
  return keys;
}

/** Constants of xxHash. */
const P1 = 0x9e3779b1 | 0;
const P2 = 0x85ebca77 | 0;
const P3 = 0xc2b2ae3d | 0;

/** Key of the last content block that a block reaches into. */
function keyOf(block: number, blockSizeTokens: number): number {
  return Math.ceil(((block + 1) * blockSizeTokens) / keyBlockTokens) - 1;
}

/** Finaliser of MurmurHash3. */
function mix(word: number): number {
  let mixed = Math.imul(word ^ (word >>> 16), 0x85ebca6b);
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
  return mixed ^ (mixed >>> 16);
}

function hashName(name: string): number {
  let hash = name.length;
  for (let i = 0; i < name.length; i++) hash = mix(Math.imul(hash, 31) ^ name.charCodeAt(i));
  return hash;
}
