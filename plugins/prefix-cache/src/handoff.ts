import { type EndpointInfo, maxHandoffBytes } from "@outrider/plugin-sdk";

/** What was handed over of each endpoint, by its id. */
export type HandedPrefixes = Map<string, { readonly incarnation: number; readonly hashes: Uint32Array }>;

/** The state of one instance; the others of its process want room too. */
const stateBytes = maxHandoffBytes / 2;
const version = 1;
/** Bytes before an endpoint's id: its length, incarnation and blocks. */
const headBytes = 10;

/**
 * Hashes of the blocks that each endpoint touched last, latest first, with the endpoint's id and incarnation. Where there
 * is not room for all, every endpoint has the same.
 * @param latest hashes of an endpoint's blocks, two words each, at most so many.
 */
export function packPrefixes(
  endpoints: readonly EndpointInfo[],
  latest: (slot: number, most: number) => Uint32Array,
): Uint8Array {
  const ids = endpoints.map(({ id }) => Buffer.from(id));
  const names = ids.reduce((sum, id) => sum + headBytes + id.length, 1);
  if (endpoints.length === 0 || names > stateBytes) return new Uint8Array(0);
  let room = stateBytes - names;
  const parts: Uint8Array[] = [Uint8Array.of(version)];
  for (const [i, { slot, incarnation }] of endpoints.entries()) {
    const hashes = latest(slot, Math.floor(room / (8 * (endpoints.length - i))));
    room -= hashes.byteLength;
    const head = Buffer.alloc(headBytes);
    head.writeUInt16LE(ids[i].length, 0);
    head.writeUInt32LE(incarnation, 2);
    head.writeUInt32LE(hashes.length / 2, 6);
    parts.push(head, ids[i], toBytes(hashes));
  }
  return new Uint8Array(Buffer.concat(parts));
}

/** What {@link packPrefixes} has packed; of anything else, nothing. */
export function unpackPrefixes(packed: Uint8Array): HandedPrefixes {
  const handed: HandedPrefixes = new Map();
  const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
  if (bytes[0] !== version) return handed;
  for (let at = 1; at + headBytes <= bytes.length; ) {
    const idEnd = at + headBytes + bytes.readUInt16LE(at);
    const end = idEnd + 8 * bytes.readUInt32LE(at + 6);
    if (end > bytes.length) return new Map();
    const hashes = Uint32Array.from({ length: (end - idEnd) / 4 }, (_, word) => bytes.readUInt32LE(idEnd + 4 * word));
    handed.set(bytes.toString("utf8", at + headBytes, idEnd), { incarnation: bytes.readUInt32LE(at + 2), hashes });
    at = end;
  }
  return handed;
}

function toBytes(hashes: Uint32Array): Uint8Array {
  const bytes = Buffer.alloc(hashes.byteLength);
  for (let word = 0; word < hashes.length; word++) bytes.writeUInt32LE(hashes[word], 4 * word);
  return bytes;
}
