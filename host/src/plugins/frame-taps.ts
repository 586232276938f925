import type { FrameListener } from "./types.ts";

/** Those who listen to the frames of all connections. */
export interface FrameTaps {
  /** Listens; returns what ends it. */
  tap(listener: FrameListener): () => void;
  /** Whether anybody listens. */
  readonly isUsed: boolean;
  /** Shows a frame to all who listen. */
  show: FrameListener;
}

/** Nobody listens yet. */
export function createFrameTaps(): FrameTaps {
  const listeners = new Set<FrameListener>();
  return {
    tap(listener) {
      const own: FrameListener = (frame) => listener(frame);
      listeners.add(own);
      return () => void listeners.delete(own);
    },
    get isUsed() {
      return listeners.size > 0;
    },
    show(frame) {
      for (const listener of listeners) listener(frame);
    },
  };
}
