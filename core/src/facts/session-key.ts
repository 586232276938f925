import { hashBytes } from "../hash/index.ts";

/** Request headers that name a session, the first that is there wins. */
export const defaultSessionSources: readonly string[] = [
  "x-session-id",
  "x-claude-code-session-id",
  "x-session-affinity",
  "session-id",
  "session_id",
];

/** Longest session key, in characters. */
export const maxSessionKeyLength = 256;

/** Key of the session a request belongs to, as {@link toSessionKey} has it; empty = none. */
export function readSessionKey(header: (name: string) => string | undefined, sources: readonly string[]): string {
  for (const name of sources) {
    const key = header(name);
    if (key !== undefined && key !== "") return toSessionKey(key);
  }
  return "";
}

/** A session key as it is used: one that is too long is cut and told apart by a hash of the whole. */
export function toSessionKey(key: string): string {
  return key.length <= maxSessionKeyLength ? key : shorten(key);
}

function shorten(key: string): string {
  const { low, high } = hashBytes(Buffer.from(key));
  const tail = `~${high.toString(16)}-${low.toString(16)}`;
  return key.slice(0, maxSessionKeyLength - tail.length) + tail;
}
