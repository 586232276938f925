import { open } from "node:fs/promises";
import { type CycleClock, type EndpointEntry, OutriderError } from "@outrider/core";
import { type FileContent, watchFile } from "../watch-file.ts";
import type { EndpointSource, SourceListener } from "./endpoint-source.ts";
import { maxEndpointsFileBytes, parseEndpointsFile } from "./endpoints-file.ts";

/**
 * Endpoints from a file that is watched. While the file is gone or wrong the last good list stays.
 * @param watches whether it is read again at all; default true.
 */
export function createFileSource(path: string, clock: CycleClock, watches = true): EndpointSource {
  return new FileSource(path, clock, watches);
}

class FileSource implements EndpointSource {
  readonly name: string;
  readonly #clock: CycleClock;
  readonly #watches: boolean;
  #listener: SourceListener | undefined;
  #unwatch: (() => void) | undefined;
  /** Fault that was told last; empty = the list is good. */
  #fault = "";

  constructor(path: string, clock: CycleClock, watches: boolean) {
    this.name = path;
    this.#clock = clock;
    this.#watches = watches;
  }

  async start(listener: SourceListener): Promise<readonly EndpointEntry[]> {
    this.#listener = listener;
    try {
      const known = await readBytes(this.name);
      const endpoints = parseEndpointsFile(this.name, known);
      this.#fault = "";
      if (this.#watches && this.#listener !== undefined) this.#watch(known);
      return endpoints;
    } catch (cause) {
      this.stop();
      throw this.#toFault(cause);
    }
  }

  stop(): void {
    this.#listener = undefined;
    this.#unwatch?.();
  }

  #watch(known: Uint8Array): void {
    const read = () => readBytes(this.name);
    const changed = (content: FileContent) => this.#changed(content);
    this.#unwatch = watchFile({ path: this.name, clock: this.#clock, known, read, changed });
  }

  #changed(content: FileContent): void {
    try {
      if (content.kind === "unreadable") throw content.cause;
      const endpoints = parseEndpointsFile(this.name, content.bytes);
      this.#fault = "";
      this.#listener?.onEndpoints(endpoints);
    } catch (cause) {
      this.#tell(this.#toFault(cause));
    }
  }

  #tell(fault: OutriderError): void {
    if (fault.message === this.#fault) return;
    this.#fault = fault.message;
    this.#listener?.onFault(fault);
  }

  #toFault(cause: unknown): OutriderError {
    if (cause instanceof OutriderError) return cause;
    const { code = "unknown error" } = cause as NodeJS.ErrnoException;
    return new OutriderError("ENDPOINTS_INVALID", `${this.name}: cannot be read: ${code}`, { cause });
  }
}

/** At most one byte more than a file of endpoints may have. */
async function readBytes(path: string): Promise<Uint8Array> {
  const file = await open(path, "r");
  try {
    const buffer = Buffer.allocUnsafe(maxEndpointsFileBytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read) {
      read = (await file.read(buffer, length, buffer.length - length)).bytesRead;
    }
    return Buffer.from(buffer.subarray(0, length));
  } finally {
    await file.close();
  }
}
