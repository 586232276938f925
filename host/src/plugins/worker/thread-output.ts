import type { FromThread } from "./messages.ts";

/** Bytes of one stream that a thread passes on in one {@link windowMs}; the rest costs the host nothing. */
const windowBytes = 32 * 1024;
const windowMs = 100;

/**
 * Sends what plugins print to the host's log instead of its output, at most 320 kB/s a stream: the rest is dropped here,
 * where it was written, and counted.
 */
export function captureOutput(post: (message: FromThread) => void, now: () => number): void {
  for (const stream of ["stdout", "stderr"] as const) capture(stream, post, now);
}

function capture(stream: "stdout" | "stderr", post: (message: FromThread) => void, now: () => number): void {
  let endsAtMs = 0;
  let left = windowBytes;
  let droppedBytes = 0;
  const send = (text: string) => {
    if (text !== "" || droppedBytes > 0) post({ kind: "output", stream, text, droppedBytes });
    droppedBytes = 0;
  };
  const take = (text: string) => {
    const nowMs = now();
    if (nowMs >= endsAtMs) [endsAtMs, left] = [nowMs + windowMs, windowBytes];
    if (text.length > left) {
      if (droppedBytes === 0) setTimeout(() => send(""), windowMs).unref();
      droppedBytes += text.length;
      return;
    }
    left -= text.length;
    send(text);
  };
  process[stream].write = (chunk: unknown, ...rest: readonly unknown[]) => {
    take(typeof chunk === "string" ? chunk : Buffer.from(chunk as Uint8Array).toString());
    const done = rest.find((argument) => typeof argument === "function") as ((error?: Error) => void) | undefined;
    if (done !== undefined) queueMicrotask(done);
    return true;
  };
}
