import { deriveSeed, type EndpointInfo } from "@outrider/plugin-sdk";

/** 32-bit hash of a text (FNV-1a over its UTF-16 units); the same everywhere. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** Weight of an endpoint for a key: 32 bits that look random, though both hashes alone decide them. */
export function rendezvousWeight(keyHash: number, idHash: number): number {
  return deriveSeed(keyHash, idHash);
}

/** Hashes of endpoints' ids, computed once an endpoint. */
export interface IdHashes {
  of(endpoint: EndpointInfo): number;
}

/** An empty memory; it grows with the slots that are asked for. */
export function createIdHashes(): IdHashes {
  const known: (EndpointInfo | undefined)[] = [];
  const hashes: number[] = [];
  return {
    of(endpoint) {
      const { slot } = endpoint;
      if (known[slot] !== endpoint) {
        known[slot] = endpoint;
        hashes[slot] = hashText(endpoint.id);
      }
      return hashes[slot];
    },
  };
}
