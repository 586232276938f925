import { isAscii } from "node:buffer";
import type { Prompt } from "./prompt.ts";
import type { ScannedBody } from "./scan-body.ts";

const BACKSLASH = 0x5c;

/**
 * The prompt of a body whose text stands in it as it is, a string of ASCII without escapes: the same as parsing the body
 * tells, at a fraction of the cost. `undefined` for any other.
 */
export function readPlainPrompt(chunks: readonly Uint8Array[], { promptSpan }: ScannedBody): Prompt | undefined {
  if (promptSpan === undefined) return undefined;
  const quote = 1;
  const pieces = viewsOf(chunks, promptSpan.start + quote, promptSpan.end - quote);
  return pieces.every((piece) => isAscii(piece) && !piece.includes(BACKSLASH)) ? { kind: "ascii", pieces } : undefined;
}

function viewsOf(chunks: readonly Uint8Array[], start: number, end: number): readonly Uint8Array[] {
  const views: Uint8Array[] = [];
  let before = 0;
  for (const chunk of chunks) {
    const from = Math.max(start - before, 0);
    const to = Math.min(end - before, chunk.length);
    if (from < to) views.push(chunk.subarray(from, to));
    before += chunk.length;
  }
  return views;
}
