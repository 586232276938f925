import type { Readable } from "node:stream";

/** What is kept of a child's output, in bytes. */
const keptBytes = 16 * 1024;

/** What a child wrote to one of its streams; the last of it, whatever its amount. */
export interface OutputLog {
  /** Bytes that came in all. */
  readonly bytes: number;
  /** Whether a NUL was among them: text has none. */
  readonly isBinary: boolean;
  /** The last lines, at most so many. */
  tail(lines: number): string;
}

/** Reads a stream to its end and keeps the last of it. */
export function keepOutput(stream: Readable): OutputLog {
  let kept = Buffer.alloc(0);
  let bytes = 0;
  let isBinary = false;
  stream.on("data", (chunk: Buffer) => {
    bytes += chunk.length;
    isBinary ||= chunk.includes(0);
    kept = Buffer.concat([kept, chunk.subarray(-keptBytes)]).subarray(-keptBytes);
  });
  stream.on("error", () => {});
  return {
    get bytes() {
      return bytes;
    },
    get isBinary() {
      return isBinary;
    },
    tail: (lines) => kept.toString("utf8").trimEnd().split("\n").slice(-lines).join("\n"),
  };
}
