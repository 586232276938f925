import type { EndpointEntry, OutriderError } from "@outrider/core";

/** Told what a source finds after its start. */
export interface SourceListener {
  /** The list has changed: all endpoints of the source, in order. */
  onEndpoints(endpoints: readonly EndpointEntry[]): void;
  /** The list can no longer be read, the last good one stays; once for each distinct fault. */
  onFault(fault: OutriderError): void;
}

/** Where endpoints come from. */
export interface EndpointSource {
  /** How messages and metrics name it. */
  readonly name: string;
  /**
   * Reads the list and goes on watching it.
   * @returns the endpoints at first.
   * @throws {OutriderError} `ENDPOINTS_INVALID`, with a line for each fault.
   */
  start(listener: SourceListener): Promise<readonly EndpointEntry[]>;
  /** Nothing is told any more. */
  stop(): void;
}
