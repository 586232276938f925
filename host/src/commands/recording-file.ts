import { type FileHandle, open } from "node:fs/promises";
import { sizeDelimitedEncode } from "@bufbuild/protobuf/wire";
import { type Record as RecordEntry, RecordSchema } from "@outrider/protos/record";

/** A recording while it is written. */
export interface RecordingFile {
  /** Decisions in it. */
  readonly decisions: number;
  /** Length of the entries in it, in bytes. */
  readonly bytes: number;
  /** Headers in it: above 1, it has started anew. */
  readonly starts: number;
  /** Entries that its writer was told to have missed. */
  readonly dropped: number;
  /** Whether it was ended because of its size. */
  readonly isFull: boolean;
  /** Why nothing more could be written; `undefined` = it could. */
  readonly fault: Error | undefined;
  /**
   * Writes entries behind those before, each whole or not at all.
   * @returns whether more may come.
   * @throws the file system's error; what was written before is a recording then.
   */
  write(records: readonly RecordEntry[], dropped: number): Promise<boolean>;
  /** Never throws: what is there is there. */
  close(): Promise<void>;
}

/** Replaces what is there. @throws the file system's error. */
export async function openRecordingFile(path: string, maxBytes: number): Promise<RecordingFile> {
  return new OpenFile(await open(path, "w"), maxBytes);
}

class OpenFile implements RecordingFile {
  decisions = 0;
  bytes = 0;
  starts = 0;
  dropped = 0;
  isFull = false;
  fault: Error | undefined;
  readonly #file: FileHandle;
  readonly #maxBytes: number;

  constructor(file: FileHandle, maxBytes: number) {
    this.#file = file;
    this.#maxBytes = maxBytes;
  }

  async write(records: readonly RecordEntry[], dropped: number): Promise<boolean> {
    this.dropped = dropped;
    const pieces: Uint8Array[] = [];
    let length = 0;
    for (const record of records) {
      const piece = sizeDelimitedEncode(RecordSchema, record);
      if (this.bytes + length + piece.length > this.#maxBytes) {
        this.isFull = true;
        break;
      }
      pieces.push(piece);
      length += piece.length;
    }
    await this.#append(Buffer.concat(pieces));
    this.#count(records.slice(0, pieces.length));
    return !this.isFull;
  }

  async close(): Promise<void> {
    if (this.fault !== undefined) await this.#file.truncate(this.bytes).catch(() => {});
    await this.#file.close().catch(() => {});
  }

  /** In order, however little the system takes at once. */
  async #append(bytes: Buffer): Promise<void> {
    try {
      for (let at = 0; at < bytes.length; ) {
        at += (await this.#file.write(bytes, at, bytes.length - at)).bytesWritten;
      }
    } catch (cause) {
      this.fault = cause as Error;
      throw cause;
    }
    this.bytes += bytes.length;
  }

  #count(records: readonly RecordEntry[]): void {
    for (const { entry } of records) {
      if (entry.case === "decision") this.decisions += 1;
      if (entry.case === "header") this.starts += 1;
    }
  }
}
