/** Buffers in which pages that come in several reads are put together; as many as such pages are under way at once. */
export interface PageBuffers {
  /** A buffer of at least `bytes`, with anything in it. */
  take(bytes: number): Buffer;
  /** Gives one back. */
  give(buffer: Buffer): void;
}

/** Buffers are made a little larger than asked for, since a page grows from scrape to scrape. */
const granuleBytes = 64 * 1024;
/** A buffer above this is not kept. */
const keptBytes = 1024 * 1024;

/** An empty pool. */
export function createPageBuffers(): PageBuffers {
  const free: Buffer[] = [];
  return {
    take(bytes) {
      const index = free.findIndex(({ length }) => length >= bytes);
      if (index >= 0) return free.splice(index, 1)[0];
      return Buffer.allocUnsafeSlow(Math.ceil(bytes / granuleBytes) * granuleBytes);
    },
    give(buffer) {
      if (buffer.length <= keptBytes) free.push(buffer);
    },
  };
}
