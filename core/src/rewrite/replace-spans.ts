/** Bytes of a body, by their offsets from its start. */
export interface ByteSpan {
  readonly start: number;
  /** Offset behind the last byte. */
  readonly end: number;
}

/**
 * A body with other bytes in some places. Nothing is copied: what stays are views of the chunks, in their order.
 * @param chunks the body's chunks in order.
 * @param spans in order, none overlapping another.
 * @param value what stands in the place of each span.
 */
export function replaceSpans(
  chunks: readonly Uint8Array[],
  spans: readonly ByteSpan[],
  value: Uint8Array,
): readonly Uint8Array[] {
  const replaced: Uint8Array[] = [];
  let before = 0;
  let next = 0;
  for (const chunk of chunks) {
    const end = before + chunk.length;
    let from = before;
    for (; next < spans.length && spans[next].start < end; next++) {
      const span = spans[next];
      if (span.start > from) replaced.push(chunk.subarray(from - before, span.start - before));
      if (span.start >= before) replaced.push(value);
      from = Math.min(span.end, end);
      if (span.end > end) break;
    }
    if (from < end) replaced.push(from === before ? chunk : chunk.subarray(from - before));
    before = end;
  }
  return replaced;
}
