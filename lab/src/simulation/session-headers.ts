import type { Routed } from "@outrider/host";

/** Headers that clients send again because a response told them to, by session. */
export interface SessionHeaders {
  /** What the next request of a session carries; `undefined` = nothing. */
  of(sessionKey: string): Readonly<Record<string, string>> | undefined;
  /** A response of the session is here. */
  remember(sessionKey: string, routed: Pick<Routed, "setResponseHeaders">): void;
}

/** Clients that were told nothing yet. */
export function createSessionHeaders(): SessionHeaders {
  const known = new Map<string, Readonly<Record<string, string>>>();
  return {
    of: (sessionKey) => known.get(sessionKey),
    remember(sessionKey, { setResponseHeaders }) {
      if (sessionKey === "" || setResponseHeaders.length === 0) return;
      known.set(sessionKey, Object.fromEntries(setResponseHeaders));
    },
  };
}
