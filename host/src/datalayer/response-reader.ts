import { type ChunkDecoder, createChunkDecoder } from "./chunk-decoder.ts";
import type { PageBuffers } from "./page-buffers.ts";
import { type Framing, parseResponseHead, type ResponseHead } from "./response-head.ts";
import type { ScrapeFault } from "./scrape-fault.ts";

/** Puts the answers of one connection together, however their bytes come. */
export interface ResponseReader {
  /** Whether the connection may be used again behind the answer that was read last. */
  readonly keepAlive: boolean;
  /** Whether bytes of the current answer have come. */
  readonly started: boolean;
  /**
   * Takes bytes of the current answer.
   * @returns the body once it is whole, only valid until the next call; `undefined` while there is more to come.
   */
  read(bytes: Buffer): Buffer | ScrapeFault | undefined;
  /** The connection has ended: the body, where its end is told so. */
  end(): Buffer | ScrapeFault;
  /** Forgets the current answer, before the next one. */
  reset(): void;
}

const maxHeadBytes = 16 * 1024;
const headEnd = Buffer.from("\r\n\r\n");
const newline = 10;

/** Whether a body whose end only the connection tells is whole. */
export type IsWhole = (body: Buffer) => boolean;

/** Of lines, which all end: the last one too. */
const endsWithLine: IsWhole = (body) => body.at(-1) === newline;

/** A reader of answers with bodies of at most `maxPageBytes`. */
export function createResponseReader(
  maxPageBytes: number,
  buffers: PageBuffers,
  isWhole: IsWhole = endsWithLine,
): ResponseReader {
  return new Reader(maxPageBytes, buffers, isWhole);
}

class Reader implements ResponseReader {
  readonly #maxPageBytes: number;
  readonly #buffers: PageBuffers;
  readonly #isWhole: IsWhole;
  /** Bytes of a head that is not yet whole. */
  #head: Buffer | undefined;
  /** The head that was read last, and its bytes: the next one is often the same. */
  #lastHead: { readonly bytes: Buffer; readonly head: ResponseHead } | undefined;
  /** How the body ends; `undefined` before the end of the head. */
  #framing: Framing | undefined;
  #chunks: ChunkDecoder | undefined;
  /** A body that comes in several reads. */
  #body: Buffer | undefined;
  #bodyBytes = 0;
  keepAlive = false;
  started = false;

  constructor(maxPageBytes: number, buffers: PageBuffers, isWhole: IsWhole) {
    this.#maxPageBytes = maxPageBytes;
    this.#buffers = buffers;
    this.#isWhole = isWhole;
  }

  read(bytes: Buffer): Buffer | ScrapeFault | undefined {
    this.started = true;
    return this.#framing === undefined ? this.#readHead(bytes) : this.#readBody(this.#framing, bytes);
  }

  end(): Buffer | ScrapeFault {
    const body = this.#body?.subarray(0, this.#bodyBytes);
    if (this.#framing?.kind === "close" && body !== undefined && this.#isWhole(body)) return body;
    return { reason: "reset", detail: `the connection ended ${this.started ? "within" : "before"} an answer` };
  }

  reset(): void {
    if (this.#body !== undefined) this.#buffers.give(this.#body);
    this.#head = this.#framing = this.#chunks = this.#body = undefined;
    this.#bodyBytes = 0;
    this.started = false;
    this.keepAlive = false;
  }

  #readHead(bytes: Buffer): Buffer | ScrapeFault | undefined {
    const seen = this.#head === undefined ? bytes : Buffer.concat([this.#head, bytes]);
    const end = seen.indexOf(headEnd);
    if ((end < 0 ? seen.length : end) > maxHeadBytes) {
      return { reason: "protocol", detail: `a head of more than ${maxHeadBytes} bytes` };
    }
    if (end < 0) {
      this.#head = Buffer.from(seen);
      return undefined;
    }
    this.#head = undefined;
    const head = this.#parseHead(seen, end);
    const behind = seen.subarray(end + headEnd.length);
    if (head.kind === "fault") return head.fault;
    if (head.kind === "interim") return this.#readHead(behind);
    this.#framing = head.framing;
    this.keepAlive = head.keepAlive;
    if (head.framing.kind === "chunked") this.#chunks = createChunkDecoder();
    return this.#readBody(head.framing, behind);
  }

  #parseHead(bytes: Buffer, end: number): ResponseHead {
    const last = this.#lastHead;
    if (last?.bytes.compare(bytes, 0, end) === 0) return last.head;
    const head = parseResponseHead(bytes.toString("latin1", 0, end));
    this.#lastHead = { bytes: Buffer.from(bytes.subarray(0, end)), head };
    return head;
  }

  #readBody(framing: Framing, bytes: Buffer): Buffer | ScrapeFault | undefined {
    if (framing.kind === "length") return this.#readLength(framing.bytes, bytes);
    if (framing.kind === "chunked") return this.#readChunks(bytes);
    this.#append(bytes, 0, bytes.length);
    return this.#bodyBytes > this.#maxPageBytes ? this.#tooLarge() : undefined;
  }

  #readLength(length: number, bytes: Buffer): Buffer | ScrapeFault | undefined {
    if (length > this.#maxPageBytes) return this.#tooLarge();
    const missing = length - this.#bodyBytes;
    if (bytes.length > missing) this.keepAlive = false;
    if (this.#body === undefined && bytes.length >= length) return bytes.subarray(0, length);
    this.#body ??= this.#buffers.take(length);
    this.#append(bytes, 0, Math.min(bytes.length, missing));
    return this.#bodyBytes === length ? this.#body.subarray(0, length) : undefined;
  }

  #readChunks(bytes: Buffer): Buffer | ScrapeFault | undefined {
    const end = this.#chunks!.decode(bytes, 0, (data, from, to) => this.#append(data, from, to));
    if (this.#bodyBytes > this.#maxPageBytes) return this.#tooLarge();
    if (end === -2) return { reason: "protocol", detail: "a body in broken chunks" };
    if (end === -1) return undefined;
    if (end < bytes.length) this.keepAlive = false;
    return this.#body?.subarray(0, this.#bodyBytes) ?? Buffer.alloc(0);
  }

  /** Copies bytes behind the body; those beyond the largest page are only counted. */
  #append(bytes: Buffer, start: number, end: number): void {
    const length = this.#bodyBytes + end - start;
    if (length <= this.#maxPageBytes) {
      if (this.#body === undefined) this.#body = this.#buffers.take(length);
      else if (this.#body.length < length) this.#enlarge(length);
      bytes.copy(this.#body, this.#bodyBytes, start, end);
    }
    this.#bodyBytes = length;
  }

  #enlarge(length: number): void {
    const small = this.#body!;
    this.#body = this.#buffers.take(Math.max(length, 2 * small.length));
    small.copy(this.#body, 0, 0, this.#bodyBytes);
    this.#buffers.give(small);
  }

  #tooLarge(): ScrapeFault {
    return { reason: "too_large", detail: `a page of more than ${this.#maxPageBytes} bytes` };
  }
}
