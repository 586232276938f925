import { maxHandoffBytes, OutriderError } from "@outrider/core/contract";

/** What one instance has learned, and which one it was. */
export interface HandoffEntry {
  /** Instance.id on the connection it was drained on. */
  readonly id: number;
  /** `type:` of it. */
  readonly type: string;
  /** `parameters:` it was made from, as they came. */
  readonly configJson: string;
  /** In a form of its own. */
  readonly state: Uint8Array;
}

interface Header {
  readonly version: 1;
  readonly instances: readonly (Omit<HandoffEntry, "state"> & { readonly bytes: number })[];
}

const lengthBytes = 4;

/**
 * The states of all instances in one: the length of a header in 4 bytes, little-endian, the header in JSON, the states.
 * @param dropped told of each entry for which there is no room within {@link maxHandoffBytes}.
 */
export function packHandoff(entries: readonly HandoffEntry[], dropped: (entry: HandoffEntry) => void): Uint8Array {
  let kept: readonly HandoffEntry[] = [];
  for (const entry of entries) {
    if (sizeOf([...kept, entry]) <= maxHandoffBytes) kept = [...kept, entry];
    else dropped(entry);
  }
  if (kept.length === 0) return new Uint8Array(0);
  const header = encodeHeader(kept);
  const length = Buffer.alloc(lengthBytes);
  length.writeUInt32LE(header.length);
  return Buffer.concat([length, header, ...kept.map(({ state }) => state)]);
}

/** @throws {OutriderError} `PROTOCOL_VIOLATION` for what {@link packHandoff} has not made. */
export function unpackHandoff(packed: Uint8Array): readonly HandoffEntry[] {
  if (packed.length === 0) return [];
  try {
    const bytes = Buffer.from(packed.buffer, packed.byteOffset, packed.byteLength);
    let at = lengthBytes + bytes.readUInt32LE();
    const { version, instances } = JSON.parse(bytes.toString("utf8", lengthBytes, at)) as Header;
    if (version !== 1) throw new RangeError(`version ${version}`);
    return instances.map(({ bytes: count, id, type, configJson }) => {
      if (at + count > bytes.length) throw new RangeError(`state of ${type} is cut off`);
      at += count;
      return { id, type, configJson, state: Uint8Array.from(bytes.subarray(at - count, at)) };
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new OutriderError("PROTOCOL_VIOLATION", `the state handed over is not of this SDK's form: ${reason}`, {
      cause,
    });
  }
}

/**
 * Entry for each instance that takes over: that of its type and parameters, of its number first where there are several,
 * else that of its type and number. None is given twice.
 */
export function matchHandoff<I extends Omit<HandoffEntry, "state">>(
  entries: readonly HandoffEntry[],
  instances: readonly I[],
): readonly (readonly [instance: I, state: Uint8Array])[] {
  const isSame = (a: HandoffEntry, b: I) => a.type === b.type && a.configJson === b.configJson;
  const rules: ((a: HandoffEntry, b: I) => boolean)[] = [
    (a, b) => isSame(a, b) && a.id === b.id,
    isSame,
    (a, b) => a.type === b.type && a.id === b.id,
  ];
  const free = new Set(entries);
  const states = new Map<I, Uint8Array>();
  for (const fits of rules) {
    for (const instance of instances) {
      const found = states.has(instance) ? undefined : [...free].find((entry) => fits(entry, instance));
      if (found === undefined) continue;
      free.delete(found);
      states.set(instance, found.state);
    }
  }
  return [...states];
}

function sizeOf(entries: readonly HandoffEntry[]): number {
  const states = entries.reduce((sum, { state }) => sum + state.length, 0);
  return lengthBytes + encodeHeader(entries).length + states;
}

function encodeHeader(entries: readonly HandoffEntry[]): Buffer {
  const instances = entries.map(({ id, type, configJson, state }) => ({ id, type, configJson, bytes: state.length }));
  const header: Header = { version: 1, instances };
  return Buffer.from(JSON.stringify(header));
}
