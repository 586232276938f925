/** The value of JSON, or why it cannot be read. */
export type ParsedJson =
  | { readonly kind: "ok"; readonly value: unknown }
  | { readonly kind: "fault"; readonly message: string };

/**
 * Parses JSON in chunks; a byte order mark is skipped, bytes that are no UTF-8 become replacement characters. Never
 * throws: neither on what is no JSON nor on what is too long.
 */
export function parseJson(chunks: readonly Uint8Array[]): ParsedJson {
  try {
    const text = decode(chunks);
    return { kind: "ok", value: JSON.parse(text.charCodeAt(0) === 0xfeff ? text.slice(1) : text) };
  } catch (cause) {
    return { kind: "fault", message: cause instanceof Error ? cause.message : String(cause) };
  }
}

/** Longest body that is joined where the last one was: what is longer costs more to read than to find room for. */
const MAX_SCRATCH_BYTES = 2 ** 20;
let scratch = Buffer.alloc(0);

function decode(chunks: readonly Uint8Array[]): string {
  const [first] = chunks;
  if (chunks.length === 1 && first !== undefined) {
    return Buffer.from(first.buffer, first.byteOffset, first.byteLength).toString("utf8");
  }
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  return length > MAX_SCRATCH_BYTES ? Buffer.concat(chunks).toString("utf8") : join(chunks, length);
}

function join(chunks: readonly Uint8Array[], length: number): string {
  if (scratch.length < length) scratch = Buffer.allocUnsafeSlow(2 ** Math.ceil(Math.log2(length)));
  let at = 0;
  for (const chunk of chunks) {
    scratch.set(chunk, at);
    at += chunk.length;
  }
  return scratch.toString("utf8", 0, length);
}
