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
const modeOverrideField = 9;

/** Where the destination is told, as a header and in this namespace of the metadata; the scores in the latter alone. */
export const destinationHeader = "x-gateway-destination-endpoint";
const loadBalancerNamespace = "envoy.lb";
const scoresKey = "x-gateway-destination-endpoint-scores";

/** A header and its value. */
export type HeaderPair = readonly [name: string, value: string];

/** Other body modes for the rest of a stream, as numbers of `ProcessingMode.BodySendMode`. */
export interface ModeOverride {
  readonly requestBody: number;
  readonly responseBody: number;
}

/** Where a request goes, and what changes of its headers. */
export interface RouteAnswer {
  /** The endpoint, or several with commas between them. */
  readonly destination: string;
  readonly scores: readonly (readonly [endpoint: string, total: number])[];
  readonly set: readonly HeaderPair[];
  /** Names of headers to remove, lower case. */
  readonly remove: readonly string[];
  /** Counts on an answer to headers alone. */
  readonly override: ModeOverride | undefined;
}

/** What changes of a response's headers. */
export interface HeadersChange {
  readonly set: readonly HeaderPair[];
  readonly remove: readonly string[];
  readonly override: ModeOverride | undefined;
}

/** What an ImmediateResponse holds. */
export interface ImmediateAnswer {
  readonly status: number;
  readonly headers: readonly HeaderPair[];
  readonly body: string;
  /** For the gateway's access log. */
  readonly details: string;
}

/** A number that the gateway is told as dynamic metadata. */
export interface MetadataNumber {
  readonly namespace: string;
  readonly name: string;
  readonly value: number;
}

/** Nothing is told beside an answer. */
export const noMetadata: Buffer = Buffer.alloc(0);

const writer = new WireWriter();
/** Room for the longest prefix of a chunk. */
const prefixRoom = Buffer.alloc(64);

/**
 * Frame that answers the request's headers or, in the modes that decide behind it, its body: the destination as header
 * and as metadata, the headers to set and to remove, and the route to be matched again. Like all frames here it is good
 * until the next one is encoded.
 * @param bodyBytes length of the body that takes the place of the request's, which has to follow the frame; absent = the
 *   body stays.
 */
export function encodeRoute(part: "request_headers" | "request_body", route: RouteAnswer, bodyBytes?: number): Buffer {
  writer.reset(bodyBytes ?? 0);
  if (bodyBytes !== undefined) writer.wrap(1, 0).wrap(3, 0);
  writer.int(5, 1);
  const mutation = writer.length;
  for (let i = route.remove.length - 1; i >= 0; i--) writer.text(2, route.remove[i] as string);
  writeSetHeaders(route.set);
  writeSetHeader(destinationHeader, route.destination);
  writer.wrap(2, mutation).wrap(1, 0).wrap(answerFields[part], 0);
  if (route.override !== undefined) writeOverride(route.override);
  writeDestinationMetadata(route);
  return writer.frame(0).view();
}

/** Frame that answers a request's trailers with a destination that can be told as metadata alone. */
export function encodeTrailersRoute(route: RouteAnswer): Buffer {
  writer.reset().wrap(answerFields.request_trailers, 0);
  writeDestinationMetadata(route);
  return writer.frame(0).view();
}

/** Frame that answers headers and changes them. */
export function encodeHeaders(part: "request_headers" | "response_headers", change: HeadersChange): Buffer {
  writer.reset();
  for (let i = change.remove.length - 1; i >= 0; i--) writer.text(2, change.remove[i] as string);
  writeSetHeaders(change.set);
  writer.wrap(2, 0).wrap(1, 0).wrap(answerFields[part], 0);
  if (change.override !== undefined) writeOverride(change.override);
  return writer.frame(0).view();
}

/** Frame that answers any part and changes nothing. @param metadata as {@link encodeMetadata} makes it. */
export function encodeUnchanged(part: keyof typeof answerFields, metadata = noMetadata): Buffer {
  return writer.reset().wrap(answerFields[part], 0).fields(metadata).frame(0).view();
}

/** Frame that answers a message of a response's body with other bytes: `bodyBytes` bytes have to follow. */
export function encodeReplacedBody(bodyBytes: number, metadata = noMetadata): Buffer {
  writer.reset(bodyBytes).wrap(1, 0).wrap(3, 0).wrap(1, 0).wrap(answerFields.response_body, 0);
  return writer.fields(metadata).frame(0).view();
}

/** Numbers for the gateway, by namespace and name, as they stand in an answer beside what it is about; a copy. */
export function encodeMetadata(values: readonly MetadataNumber[]): Buffer {
  writer.reset();
  for (const namespace of new Set(values.map((value) => value.namespace))) {
    const entry = writer.length;
    for (const value of values) if (value.namespace === namespace) writeNumber(value.name, value.value);
    writer.wrap(5, entry).wrap(2, entry).text(1, namespace).wrap(1, entry);
  }
  return Buffer.from(writer.wrap(dynamicMetadataField, 0).view());
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
export function encodeChunkPrefix(
  part: "request_body" | "response_body",
  bodyBytes: number,
  isLast: boolean,
  metadata = noMetadata,
): Buffer {
  const field = answerFields[part];
  const streamed = (isLast ? 2 : 0) + lengthPrefixed(bodyBytes);
  const mutation = lengthPrefixed(streamed);
  const common = lengthPrefixed(mutation);
  const answer = lengthPrefixed(common);
  const message = metadata.length + lengthPrefixed(answer);
  writeFrameHeader(prefixRoom, 0, message);
  let at = putLength(prefixRoom, frameHeaderBytes, field, answer);
  at = putLength(prefixRoom, at, 1, common);
  at = putLength(prefixRoom, at, 3, mutation);
  at = putLength(prefixRoom, at, 3, streamed);
  if (isLast) {
    prefixRoom[at++] = 0x10;
    prefixRoom[at++] = 1;
  }
  const prefix = prefixRoom.subarray(0, putLength(prefixRoom, at, 1, bodyBytes));
  if (metadata.length === 0) return prefix;
  return Buffer.concat([prefix.subarray(0, frameHeaderBytes), metadata, prefix.subarray(frameHeaderBytes)]);
}

/** `dynamic_metadata`: Struct{fields: {namespace: Value{struct_value: Struct{fields: {…}}}}}. */
function writeDestinationMetadata({ destination, scores }: RouteAnswer): void {
  const metadata = writer.length;
  if (scores.length > 0) writeScores(scores);
  const entry = writer.length;
  writer.text(3, destination).wrap(2, entry).text(1, destinationHeader).wrap(1, entry);
  writer.wrap(5, metadata).wrap(2, metadata).text(1, loadBalancerNamespace).wrap(1, metadata);
  writer.wrap(dynamicMetadataField, metadata);
}

/** Field of a Struct: {scores key: Value{struct_value: Struct{fields: {endpoint: Value{number_value}}}}}. */
function writeScores(scores: RouteAnswer["scores"]): void {
  const mark = writer.length;
  for (let i = scores.length - 1; i >= 0; i--) {
    const [endpoint, total] = scores[i] as readonly [string, number];
    writeNumber(endpoint, total);
  }
  writer.wrap(5, mark).wrap(2, mark).text(1, scoresKey).wrap(1, mark);
}

/** Field of a Struct: {name: Value{number_value}}. */
function writeNumber(name: string, value: number): void {
  const mark = writer.length;
  writer.double(2, value).wrap(2, mark).text(1, name).wrap(1, mark);
}

/**
 * `mode_override`: it stands for all modes, those of headers and trailers included. Trailers of a response are asked
 * for, since a body ends with them.
 */
function writeOverride({ requestBody, responseBody }: ModeOverride): void {
  const mark = writer.length;
  if (responseBody !== 0) writer.int(6, 1).int(4, responseBody);
  if (requestBody !== 0) writer.int(3, requestBody);
  writer.wrap(modeOverrideField, mark);
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
