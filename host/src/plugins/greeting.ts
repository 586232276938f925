import type { FrameListener } from "./types.ts";

type Direction = Parameters<FrameListener>[0]["direction"];

/** Takes one message of a connection; it is its own, and stays valid. */
export type GreetedFrame = (direction: Direction, message: Uint8Array, atMs: number) => void;

/** How one connection was opened, kept for those who begin to listen in its middle: without it they understand nothing. */
export interface Greeting {
  /** Sees each message as it travels. */
  note(direction: Direction, message: Uint8Array): void;
  /** Shows both hellos, the configuration and its answer, as far as they have come, with the times they came at. */
  show(to: GreetedFrame): void;
  /** The connection is gone. */
  clear(): void;
}

interface Kept {
  readonly direction: Direction;
  readonly message: Uint8Array;
  readonly atMs: number;
}

/** First byte of a message with a hello: field 1 in both directions. */
const helloTag = 0x0a;
/** First byte of one with a configuration or the answer to it: field 2 in both directions. */
const configureTag = 0x12;

/** No connection has been opened yet. @param nowMs the host's clock, Unix ms. */
export function createGreeting(nowMs: () => number): Greeting {
  const kept = new Map<string, Kept>();
  return {
    note(direction, message) {
      const tag = message[0];
      if (tag !== helloTag && tag !== configureTag) return;
      const key = `${direction} ${tag}`;
      // A further hello brings learned state, which is large and opens nothing.
      if (tag === helloTag && kept.has(key)) return;
      kept.set(key, { direction, message: Uint8Array.from(message), atMs: nowMs() });
    },
    show(to) {
      for (const { direction, message, atMs } of kept.values()) to(direction, message, atMs);
    },
    clear: () => kept.clear(),
  };
}
