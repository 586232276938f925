import { HeaderList } from "./header-list.ts";
import { WireReader } from "./wire-reader.ts";

/** Part of an exchange that a message carries, as the oneof of `ProcessingRequest` names it. */
export type PartKind =
  | "request_headers"
  | "response_headers"
  | "request_body"
  | "response_body"
  | "request_trailers"
  | "response_trailers";

/** Where a field's value lies in its message. */
export interface Span {
  readonly from: number;
  readonly to: number;
}

/** Body modes that a gateway announced in `protocol_config`, as numbers of `ProcessingMode.BodySendMode`. */
export interface AnnouncedModes {
  readonly requestBody: number;
  readonly responseBody: number;
}

/** A decoded `ProcessingRequest`: where things are, so that nothing is copied; valid while its bytes are. */
export interface ProcessingMessage {
  readonly bytes: Buffer;
  /** `undefined` where the message carries no part that this protocol version knows. */
  readonly kind: PartKind | undefined;
  readonly endOfStream: boolean;
  /** Headers of a headers message. */
  readonly headers: HeaderList | undefined;
  /** Bytes of a body message, a view of the message. */
  readonly body: Buffer | undefined;
  /** `metadata_context`, all of its parts in order. */
  readonly metadata: readonly Span[];
  readonly modes: AnnouncedModes | undefined;
}

/** Fields of the oneof, by number. */
const parts: readonly (PartKind | undefined)[] = [
  undefined,
  undefined,
  "request_headers",
  "response_headers",
  "request_body",
  "response_body",
  "request_trailers",
  "response_trailers",
];
const metadataField = 8;
const protocolConfigField = 11;

const noSpans: readonly Span[] = [];
const messageReader = new WireReader();
const partReader = new WireReader();

/**
 * Reads one message; unknown fields are skipped, and a part that comes in pieces is merged, as protobuf demands.
 * @throws {OutriderError} `PROTOCOL_VIOLATION` where the bytes are no message.
 */
export function decodeProcessingRequest(bytes: Buffer): ProcessingMessage {
  let kind: PartKind | undefined;
  let part: Part = emptyPart;
  let metadata: Span[] | undefined;
  let modes: AnnouncedModes | undefined;

  messageReader.open(bytes, 0, bytes.length);
  while (messageReader.next()) {
    if (messageReader.wireType !== 2) continue;
    const { field, from, to } = messageReader;
    const named = parts[field];
    if (named !== undefined) {
      part = readPart(named, bytes, from, to, named === kind ? part : emptyPart);
      kind = named;
    } else if (field === metadataField && to > from) {
      metadata ??= [];
      metadata.push({ from, to });
    } else if (field === protocolConfigField) {
      modes = readModes(bytes, from, to, modes);
    }
  }
  return { bytes, kind, ...part, metadata: metadata ?? noSpans, modes };
}

type Part = Pick<ProcessingMessage, "endOfStream" | "headers" | "body">;

const emptyPart: Part = { endOfStream: false, headers: undefined, body: undefined };

function readPart(kind: PartKind, bytes: Buffer, from: number, to: number, before: Part): Part {
  switch (kind) {
    case "request_headers":
    case "response_headers":
      return readHeaders(bytes, from, to, before);
    case "request_body":
    case "response_body":
      return readBody(bytes, from, to, before);
    case "request_trailers":
    case "response_trailers":
      return emptyPart;
  }
}

/** `HttpHeaders`: headers 1, end_of_stream 3. */
function readHeaders(bytes: Buffer, from: number, to: number, before: Part): Part {
  const headers = before.headers ?? new HeaderList(bytes);
  let { endOfStream } = before;
  partReader.open(bytes, from, to);
  while (partReader.next()) {
    if (partReader.isBytes(1)) headers.add(partReader.from, partReader.to);
    else if (partReader.isVarint(3)) endOfStream = partReader.flag;
  }
  return { endOfStream, headers, body: undefined };
}

/** `HttpBody`: body 1, end_of_stream 2. */
function readBody(bytes: Buffer, from: number, to: number, before: Part): Part {
  let { endOfStream, body } = before;
  partReader.open(bytes, from, to);
  while (partReader.next()) {
    if (partReader.isBytes(1)) body = bytes.subarray(partReader.from, partReader.to);
    else if (partReader.isVarint(2)) endOfStream = partReader.flag;
  }
  return { endOfStream, headers: undefined, body: body ?? bytes.subarray(0, 0) };
}

/** `ProtocolConfiguration`: request_body_mode 1, response_body_mode 2. */
function readModes(bytes: Buffer, from: number, to: number, before: AnnouncedModes | undefined): AnnouncedModes {
  let { requestBody, responseBody } = before ?? { requestBody: 0, responseBody: 0 };
  partReader.open(bytes, from, to);
  while (partReader.next()) {
    if (partReader.isVarint(1)) requestBody = partReader.int;
    else if (partReader.isVarint(2)) responseBody = partReader.int;
  }
  return { requestBody, responseBody };
}
