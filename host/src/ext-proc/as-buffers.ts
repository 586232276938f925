/** The same bytes as buffers, without the empty ones. */
export function asBuffers(chunks: readonly Uint8Array[]): readonly Buffer[] {
  const buffers: Buffer[] = [];
  for (const chunk of chunks) if (chunk.length > 0) buffers.push(asBuffer(chunk));
  return buffers;
}

function asBuffer(chunk: Uint8Array): Buffer {
  return Buffer.isBuffer(chunk) ? chunk : Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
