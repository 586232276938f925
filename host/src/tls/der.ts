/** Writes ASN.1 values in DER, as much of it as a certificate needs; each function returns one whole value. */

const tags = { integer: 2, bitString: 3, octetString: 4, objectId: 6, utf8String: 12, generalizedTime: 24 } as const;
const sequenceTag = 0x30;
const setTag = 0x31;

/** One value of a tag. */
export function derValue(tag: number, ...contents: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag, ...lengthBytes(content.length)]), content]);
}

export function derSequence(...values: readonly Uint8Array[]): Buffer {
  return derValue(sequenceTag, ...values);
}

export function derSet(...values: readonly Uint8Array[]): Buffer {
  return derValue(setTag, ...values);
}

/** @param bytes big-endian in two's complement, without padding in front. */
export function derInteger(bytes: Uint8Array): Buffer {
  return derValue(tags.integer, bytes);
}

export function derBitString(bytes: Uint8Array): Buffer {
  return derValue(tags.bitString, Buffer.from([0]), bytes);
}

export function derOctetString(bytes: Uint8Array): Buffer {
  return derValue(tags.octetString, bytes);
}

export function derText(text: string): Buffer {
  return derValue(tags.utf8String, Buffer.from(text));
}

/** To the second, in UTC. */
export function derTime(time: Date): Buffer {
  const text = `${time.toISOString().replace(/[-:T]/g, "").slice(0, 14)}Z`;
  return derValue(tags.generalizedTime, Buffer.from(text));
}

/** @param dotted such as `2.5.4.3`. */
export function derObjectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return derValue(tags.objectId, Buffer.from([40 * first + second, ...rest.flatMap(base128)]));
}

function base128(value: number): readonly number[] {
  const digits = [value & 0x7f];
  for (let left = value >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
  return digits;
}

function lengthBytes(length: number): readonly number[] {
  if (length < 0x80) return [length];
  return length < 0x100 ? [0x81, length] : [0x82, length >> 8, length & 0xff];
}
