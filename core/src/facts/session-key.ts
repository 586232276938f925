import type { SessionSource } from "../contract/index.ts";
import { hashBytes } from "../hash/index.ts";

/** Headers by which agents name their sessions. */
export const agentSessionHeaders: readonly string[] = [
  "x-claude-code-session-id",
  "x-session-affinity",
  "session-id",
  "session_id",
];

/** Where a session's key stands, the first that is there wins. */
export const defaultSessionSources: readonly SessionSource[] = ["x-session-id", ...agentSessionHeaders].map((name) => ({
  kind: "header",
  name,
}));

/** Longest session key, in characters. */
export const maxSessionKeyLength = 256;

/** Key of the session a request belongs to, as {@link toSessionKey} has it; empty = none. */
export function readSessionKey(
  header: (name: string) => string | undefined,
  sources: readonly SessionSource[],
): string {
  for (const { kind, name } of sources) {
    const value = kind === "header" ? header(name) : readCookie(header("cookie") ?? "", name);
    const key = value?.trim() ?? "";
    if (key !== "") return toSessionKey(key);
  }
  return "";
}

/**
 * A session key as it is used: one that is too long is cut and told apart by a hash of the whole. What is no Unicode is
 * replaced, so that it is the same key in every placement.
 */
export function toSessionKey(key: string): string {
  return (key.length <= maxSessionKeyLength ? key : shorten(key)).toWellFormed();
}

function shorten(key: string): string {
  const { low, high } = hashBytes(Buffer.from(key));
  const tail = `~${high.toString(16)}-${low.toString(16)}`;
  return key.slice(0, maxSessionKeyLength - tail.length) + tail;
}

/** Value of the first cookie of a name, without the quotes around it; empty = there is none. */
function readCookie(cookies: string, name: string): string {
  for (let from = 0; from < cookies.length; ) {
    const end = cookies.indexOf(";", from);
    const to = end < 0 ? cookies.length : end;
    const equals = cookies.indexOf("=", from);
    if (equals > 0 && equals < to && cookies.slice(from, equals).trim() === name) {
      const value = cookies.slice(equals + 1, to).trim();
      return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1) : value;
    }
    from = to + 1;
  }
  return "";
}
