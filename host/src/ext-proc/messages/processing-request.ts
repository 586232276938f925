import { HeaderList } from "./header-list.ts";
import { WireReader, wireTypes } from "./wire-reader.ts";

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
  /** Entries of `attributes`. */
  readonly attributes: readonly Span[];
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
const attributesField = 9;
const protocolConfigField = 11;

/** `end_of_stream` of each part; trailers are an end of their own. */
const endOfStreamFields: Readonly<Record<PartKind, number>> = {
  request_headers: 3,
  response_headers: 3,
  request_body: 2,
  response_body: 2,
  request_trailers: 0,
  response_trailers: 0,
};

const noSpans: readonly Span[] = [];
const noBody = Buffer.alloc(0);
const messageReader = new WireReader();
const partReader = new WireReader();

/**
 * Reads the message that fills `bytes` from `from` to `to`; unknown fields are skipped, and a part that comes in pieces
 * is merged, as protobuf demands.
 * @throws {OutriderError} `PROTOCOL_VIOLATION` where the bytes are no message.
 */
export function decodeProcessingRequest(bytes: Buffer, from: number, to: number): ProcessingMessage {
  const message = new DecodedMessage(bytes);
  messageReader.open(bytes, from, to);
  while (messageReader.next()) if (messageReader.wireType === wireTypes.bytes) message.read(messageReader);
  return message;
}

class DecodedMessage implements ProcessingMessage {
  readonly bytes: Buffer;
  kind: PartKind | undefined;
  endOfStream = false;
  headers: HeaderList | undefined;
  body: Buffer | undefined;
  metadata: readonly Span[] = noSpans;
  attributes: readonly Span[] = noSpans;
  modes: AnnouncedModes | undefined;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  /** Reads the field that the reader stands on. */
  read({ field, from, to }: WireReader): void {
    const kind = parts[field];
    if (kind !== undefined) {
      if (kind !== this.kind) this.#begin(kind);
      this.#readPart(kind, from, to);
    } else if (field === metadataField && to > from) {
      this.metadata = [...this.metadata, { from, to }];
    } else if (field === attributesField) {
      this.attributes = [...this.attributes, { from, to }];
    } else if (field === protocolConfigField) {
      this.modes = readModes(this.bytes, from, to, this.modes);
    }
  }

  /** A part of another kind takes the place of the one before. */
  #begin(kind: PartKind): void {
    this.kind = kind;
    this.endOfStream = false;
    this.headers = kind.endsWith("headers") ? new HeaderList(this.bytes) : undefined;
    this.body = kind.endsWith("body") ? noBody : undefined;
  }

  /** `HttpHeaders`: headers 1, end_of_stream 3. `HttpBody`: body 1, end_of_stream 2. */
  #readPart(kind: PartKind, from: number, to: number): void {
    partReader.open(this.bytes, from, to);
    while (partReader.next()) {
      if (partReader.isBytes(1)) this.#readContent(partReader.from, partReader.to);
      else if (partReader.isVarint(endOfStreamFields[kind])) this.endOfStream = partReader.flag;
    }
  }

  #readContent(from: number, to: number): void {
    if (this.headers !== undefined) this.headers.add(from, to);
    else if (this.body !== undefined) this.body = this.bytes.subarray(from, to);
  }
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
