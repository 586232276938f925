/** The bound on the memory that bodies hold, shared by all doors. */
export interface HeldBytes {
  /** Bytes that are held. */
  readonly bytes: number;
  /** Most that may be held. */
  readonly maxBytes: number;
  /** Holds so many more; false, and nothing is held, where that is more than the bound. */
  take(bytes: number): boolean;
  /** Holds so many more whatever the bound: what cannot be refused any more, such as a response on its way. */
  keep(bytes: number): void;
  /** Lets go of bytes that were taken. */
  give(bytes: number): void;
}

/** Nothing is held yet. */
export function createHeldBytes(maxBytes: number): HeldBytes {
  let held = 0;
  return {
    get bytes() {
      return held;
    },
    maxBytes,
    take(bytes) {
      if (held + bytes > maxBytes) return false;
      held += bytes;
      return true;
    },
    keep(bytes) {
      held += bytes;
    },
    give(bytes) {
      held -= bytes;
    },
  };
}
