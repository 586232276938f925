import { frameHeaderBytes, writeFrameHeader } from "@outrider/transport";
import { WireWriter } from "./wire-writer.ts";

/** Which part of the exchange an answer is about: field of the oneof in `ProcessingResponse`. */
export const answerFields = {
  request_headers: 1,
  response_headers: 2,
  request_body: 3,
  response_body: 4,
  request_trailers: 5,
  response_trailers: 6,
} as const;
const immediateField = 7;
const dynamicMetadataField = 8;

/** Where the destination is told, as a header and in this namespace of the metadata. */
export const destinationHeader = "x-gateway-destination-endpoint";
const loadBalancerNamespace = "envoy.lb";

/** A header and its value. */
export type HeaderPair = readonly [name: string, value: string];

/** What an ImmediateResponse holds. */
export interface ImmediateAnswer {
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  readonly body: string;
  /** For the gateway's access log. */
  readonly details: string;
}

const writer = new WireWriter();
/** Room for the longest prefix of a chunk. */
const prefixRoom = Buffer.alloc(64);

/**
 * Frame that answers the request's headers, good until the next one is encoded, like all frames here: the destination as header and as metadata, the headers to set, those to
 * remove, and the route to be matched again.
 */
export function encodeRoute(destination: string, set: readonly HeaderPair[], remove: readonly string[]): Buffer {
  writer.reset();
  writeDestinationMetadata(destination);
  const answer = writer.length;
  writer.int(5, 1);
  const mutation = writer.length;
  for (let i = remove.length - 1; i >= 0; i--) writer.text(2, remove[i] as string);
  writeSetHeaders(set);
  writeSetHeader(destinationHeader, destination);
  writer.wrap(2, mutation).wrap(1, answer).wrap(answerFields.request_headers, answer);
  return writer.frame(0).view();
}

/** Frame that answers the response's headers with headers to set. */
export function encodeResponseHeaders(set: readonly HeaderPair[]): Buffer {
  writer.reset();
  writeSetHeaders(set);
  return writer.wrap(2, 0).wrap(1, 0).wrap(answerFields.response_headers, 0).frame(0).view();
}

/** Frame that answers trailers and changes nothing. */
export function encodeTrailers(part: "request_trailers" | "response_trailers"): Buffer {
  return writer.reset().wrap(answerFields[part], 0).frame(0).view();
}

/** Frame of an ImmediateResponse. */
export function encodeImmediate({ status, headers, body, details }: ImmediateAnswer): Buffer {
  writer.reset().text(5, details).text(3, body);
  if (headers.length > 0) {
    const mutation = writer.length;
    writeSetHeaders(headers);
    writer.wrap(2, mutation);
  }
  const statusMark = writer.length;
  writer.int(1, status).wrap(1, statusMark);
  return writer.wrap(immediateField, 0).frame(0).view();
}

/**
 * Frame of a `streamed_response` up to its body: `bodyBytes` bytes have to follow, which is how they are sent without
 * being copied.
 */
export function encodeChunkPrefix(part: "request_body" | "response_body", bodyBytes: number, isLast: boolean): Buffer {
  const field = answerFields[part];
  const streamed = (isLast ? 2 : 0) + lengthPrefixed(bodyBytes);
  const mutation = lengthPrefixed(streamed);
  const common = lengthPrefixed(mutation);
  const answer = lengthPrefixed(common);
  const message = lengthPrefixed(answer);
  writeFrameHeader(prefixRoom, 0, message);
  let at = putLength(prefixRoom, frameHeaderBytes, field, answer);
  at = putLength(prefixRoom, at, 1, common);
  at = putLength(prefixRoom, at, 3, mutation);
  at = putLength(prefixRoom, at, 3, streamed);
  if (isLast) {
    prefixRoom[at++] = 0x10;
    prefixRoom[at++] = 1;
  }
  return prefixRoom.subarray(0, putLength(prefixRoom, at, 1, bodyBytes));
}

/** `dynamic_metadata`: Struct{fields: {namespace: Value{struct_value: Struct{fields: {header: Value{string_value}}}}}}. */
function writeDestinationMetadata(destination: string): void {
  writer.text(3, destination).wrap(2, 0).text(1, destinationHeader).wrap(1, 0);
  writer.wrap(5, 0).wrap(2, 0).text(1, loadBalancerNamespace).wrap(1, 0);
  writer.wrap(dynamicMetadataField, 0);
}

function writeSetHeaders(set: readonly HeaderPair[]): void {
  for (let i = set.length - 1; i >= 0; i--) {
    const [name, value] = set[i] as HeaderPair;
    writeSetHeader(name, value);
  }
}

/** `HeaderValueOption{header: {key, raw_value}}`: overwrites; Envoy makes a header empty that has only `value`. */
function writeSetHeader(name: string, value: string): void {
  const mark = writer.length;
  writer.text(3, value).text(1, name).wrap(1, mark).wrap(1, mark);
}

/** Bytes of a field of one tag byte, its length and `length` bytes. */
function lengthPrefixed(length: number): number {
  return 1 + varintBytes(length) + length;
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1;
  if (value < 0x4000) return 2;
  if (value < 0x20_0000) return 3;
  return value < 0x1000_0000 ? 4 : 5;
}

function putLength(target: Buffer, start: number, field: number, length: number): number {
  let at = start;
  target[at++] = (field << 3) | 2;
  let rest = length;
  for (; rest > 0x7f; rest >>>= 7) target[at++] = (rest & 0x7f) | 0x80;
  target[at++] = rest;
  return at;
}
