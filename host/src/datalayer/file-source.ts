import { type FSWatcher, watch } from "node:fs";
import { open } from "node:fs/promises";
import { dirname } from "node:path";
import { type CycleClock, type EndpointEntry, OutriderError } from "@outrider/core";
import type { EndpointSource, SourceListener } from "./endpoint-source.ts";
import { maxEndpointsFileBytes, parseEndpointsFile } from "./endpoints-file.ts";

/** From a change to reading it: an editor's several writes count as one. */
const settleMs = 50;
/** Between two looks at a file whose changes nobody tells, such as on a network disk. */
const rescanMs = 5_000;

/**
 * Endpoints from a file that is watched. Its folder is, so that a file that is replaced, as editors and Kubernetes do,
 * is noticed too. While the file is gone or wrong the last good list stays.
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
  #watcher: FSWatcher | undefined;
  #timer: unknown;
  /** Bytes that were read last, good or not. */
  #bytes: Uint8Array | undefined;
  /** Fault that was told last; empty = the list is good. */
  #fault = "";
  #reading = false;
  #changedMeanwhile = false;

  constructor(path: string, clock: CycleClock, watches: boolean) {
    this.name = path;
    this.#clock = clock;
    this.#watches = watches;
  }

  async start(listener: SourceListener): Promise<readonly EndpointEntry[]> {
    this.#listener = listener;
    if (this.#watches) this.#watch();
    try {
      this.#bytes = await readBytes(this.name);
      const endpoints = parseEndpointsFile(this.name, this.#bytes);
      this.#fault = "";
      if (this.#watches) this.#arm(rescanMs);
      return endpoints;
    } catch (cause) {
      this.stop();
      throw this.#toFault(cause);
    }
  }

  stop(): void {
    this.#listener = undefined;
    this.#clock.cancel(this.#timer);
    this.#watcher?.close();
    this.#watcher = undefined;
  }

  #watch(): void {
    try {
      const watcher = watch(dirname(this.name), () => this.#changed());
      watcher.on("error", () => {
        watcher.close();
        if (this.#watcher === watcher) this.#watcher = undefined;
      });
      this.#watcher = watcher;
    } catch {
      // A folder that is gone, or cannot be watched, is looked at again at the next rescan.
      this.#watcher = undefined;
    }
  }

  #changed(): void {
    if (this.#reading) this.#changedMeanwhile = true;
    else this.#arm(settleMs);
  }

  #arm(delayMs: number): void {
    this.#clock.cancel(this.#timer);
    if (this.#listener !== undefined) this.#timer = this.#clock.after(delayMs, () => void this.#rescan());
  }

  async #rescan(): Promise<void> {
    if (this.#watcher === undefined) this.#watch();
    this.#reading = true;
    this.#changedMeanwhile = false;
    try {
      await this.#read();
    } catch (cause) {
      this.#bytes = undefined;
      this.#tell(this.#toFault(cause));
    }
    this.#reading = false;
    this.#arm(this.#changedMeanwhile ? settleMs : rescanMs);
  }

  async #read(): Promise<void> {
    const bytes = await readBytes(this.name);
    if (this.#bytes !== undefined && Buffer.compare(bytes, this.#bytes) === 0) return;
    this.#bytes = bytes;
    try {
      const endpoints = parseEndpointsFile(this.name, bytes);
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
