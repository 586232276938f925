import { type FileHandle, open } from "node:fs/promises";
import { fromBinary } from "@bufbuild/protobuf";
import { type Record as RecordEntry, RecordSchema } from "@outrider/protos/record";
import { RecordingError } from "./replay-errors.ts";

/** What the first entry of every recording says. */
const format = "outrider.record.v1";

/** Largest entry that is read, in bytes. */
export const maxRecordBytes = 64 * 1024 * 1024;

/** Longest length in front of an entry, in bytes: five hold 35 bits. */
const maxLengthBytes = 5;

/**
 * Reads a recording entry by entry; what is kept of the file in memory is one entry and what was read ahead. A last entry
 * that is cut short is left out.
 * @throws {RecordingError} where the file is no recording; {@link Error} of the system where it cannot be read.
 */
export async function* readRecording(path: string): AsyncGenerator<RecordEntry, void> {
  const file = await open(path, "r");
  try {
    const window = new FileWindow(file);
    let isFirst = true;
    for (let offset = 0; ; isFirst = false) {
      const found = await readEntry(window, path, offset);
      if (found === undefined) break;
      if (isFirst) checkHeader(found.record, path);
      yield found.record;
      offset = found.end;
    }
    if (isFirst) throw new RecordingError(path, 0, "the file ends before its first entry is complete");
  } finally {
    await file.close();
  }
}

interface Entry {
  readonly record: RecordEntry;
  /** Where the next entry begins. */
  readonly end: number;
}

/** The entry at an offset; `undefined` = there is none, or it is cut short. */
async function readEntry(window: FileWindow, path: string, offset: number): Promise<Entry | undefined> {
  const head = await window.read(offset, maxLengthBytes);
  const length = readLength(head, path, offset);
  if (length === undefined) return undefined;
  const { bytes, headBytes } = length;
  if (bytes > maxRecordBytes) {
    throw new RecordingError(path, offset, `an entry of ${bytes} bytes; the largest allowed has ${maxRecordBytes}`);
  }
  const from = offset + headBytes;
  const body = await window.read(from, bytes);
  if (body.length < bytes) return undefined;
  try {
    return { record: fromBinary(RecordSchema, body), end: from + bytes };
  } catch (cause) {
    throw new RecordingError(path, from, `${bytes} bytes that are no entry of a recording`, { cause });
  }
}

/** A varint; `undefined` = the file ends in it. */
function readLength(head: Uint8Array, path: string, offset: number) {
  let bytes = 0;
  for (let i = 0; i < head.length; i += 1) {
    bytes += (head[i]! & 0x7f) * 2 ** (7 * i);
    if (head[i]! < 0x80) return { bytes, headBytes: i + 1 };
  }
  if (head.length < maxLengthBytes) return undefined;
  throw new RecordingError(path, offset, "what stands there is no length of an entry");
}

function checkHeader({ entry }: RecordEntry, path: string): void {
  if (entry.case !== "header") {
    throw new RecordingError(
      path,
      0,
      `a recording begins with a header, this file with ${entry.case ?? "nothing known"}`,
    );
  }
  if (entry.value.format === format) return;
  const named = JSON.stringify(entry.value.format.slice(0, 100));
  throw new RecordingError(path, 0, `the header names the format ${named}, known is "${format}"`);
}

/** Bytes read at once. */
const windowBytes = 1024 * 1024;

/** A file read mostly in order. */
class FileWindow {
  readonly #file: FileHandle;
  #bytes: Buffer = Buffer.alloc(0);
  #from = 0;

  constructor(file: FileHandle) {
    this.#file = file;
  }

  /** So many bytes from an offset; fewer where the file ends. Only valid until the next read. */
  async read(offset: number, count: number): Promise<Buffer> {
    const at = offset - this.#from;
    if (at < 0 || at + count > this.#bytes.length) await this.#fill(offset, Math.max(count, windowBytes));
    const start = offset - this.#from;
    return this.#bytes.subarray(start, start + count);
  }

  async #fill(offset: number, count: number): Promise<void> {
    const bytes = Buffer.alloc(count);
    let filled = 0;
    for (;;) {
      const { bytesRead } = await this.#file.read(bytes, filled, count - filled, offset + filled);
      filled += bytesRead;
      if (bytesRead === 0 || filled === count) break;
    }
    this.#bytes = bytes.subarray(0, filled);
    this.#from = offset;
  }
}
