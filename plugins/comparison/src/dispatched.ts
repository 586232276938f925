/** Tokens that were sent to endpoints of late. */
export interface Dispatched {
  sent(slot: number, promptTokens: number, atMs: number): void;
  /** Whether nothing is remembered of an endpoint. */
  isIdle(slot: number): boolean;
  /** Tokens sent to an endpoint at or after a time, Unix ms. */
  since(slot: number, atMs: number): number;
  /** The endpoints behind these slots have left. */
  forget(slots: readonly number[]): void;
}

interface Sent {
  readonly tokens: number;
  readonly atMs: number;
}

/** Requests that are remembered an endpoint. */
const maxSent = 1_024;

/** @param defaultTokens of a request whose prompt was not counted. */
export function createDispatched(defaultTokens: number): Dispatched {
  const bySlot: (Sent[] | undefined)[] = [];
  return {
    sent(slot, promptTokens, atMs) {
      const sent = bySlot[slot] ?? [];
      bySlot[slot] = sent;
      sent.push({ tokens: promptTokens || defaultTokens, atMs });
      if (sent.length > maxSent) sent.splice(0, maxSent / 2);
    },
    isIdle: (slot) => bySlot[slot] === undefined,
    since(slot, atMs) {
      const sent = bySlot[slot];
      if (sent === undefined) return 0;
      // What a scrape has seen, later ones have too.
      if (sent[sent.length - 1].atMs < atMs) bySlot[slot] = undefined;
      let tokens = 0;
      for (let i = sent.length - 1; i >= 0 && sent[i].atMs >= atMs; i--) tokens += sent[i].tokens;
      return tokens;
    },
    forget(slots) {
      for (const slot of slots) bySlot[slot] = undefined;
    },
  };
}
