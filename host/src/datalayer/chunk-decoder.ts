/** Takes a body in chunks apart, however its bytes come. */
export interface ChunkDecoder {
  /**
   * Reads bytes from `start` on.
   * @param write is handed the data in them, a part at a time; only valid during the call.
   * @returns the byte behind the body's end; -1 while there is more to come, -2 where the form is broken.
   */
  decode(bytes: Buffer, start: number, write: (bytes: Buffer, start: number, end: number) => void): number;
}

const newline = 10;
const carriageReturn = 13;

/** Longest line that tells a chunk's size or is a trailer, in bytes. */
const maxLineBytes = 4_096;

/** A decoder for one body. */
export function createChunkDecoder(): ChunkDecoder {
  let phase: "size" | "data" | "behind" | "trailer" = "size";
  let line = "";
  let left = 0;

  /** What a whole line means for the next bytes; false where it is no such line. */
  const endLine = (): boolean => {
    if (phase === "behind") {
      phase = "size";
      return line === "";
    }
    if (phase === "trailer") return true;
    const size = /^([0-9a-fA-F]{1,8})[ \t]*(?:;.*)?$/.exec(line)?.[1];
    if (size === undefined) return false;
    left = Number.parseInt(size, 16);
    phase = left === 0 ? "trailer" : "data";
    return true;
  };

  return {
    decode(bytes, start, write) {
      let at = start;
      while (at < bytes.length) {
        if (phase === "data") {
          const end = Math.min(bytes.length, at + left);
          write(bytes, at, end);
          left -= end - at;
          at = end;
          if (left === 0) phase = "behind";
          continue;
        }
        const found = bytes.indexOf(newline, at);
        const end = found < 0 ? bytes.length : found;
        line += bytes.toString("latin1", at, end);
        if (line.length > maxLineBytes) return -2;
        if (found < 0) return -1;
        at = end + 1;
        if (line.charCodeAt(line.length - 1) === carriageReturn) line = line.slice(0, -1);
        if (phase === "trailer" && line === "") return at;
        if (!endLine()) return -2;
        line = "";
      }
      return -1;
    },
  };
}
