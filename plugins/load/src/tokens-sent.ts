/** Tokens expected of requests that were sent to endpoints and are not done. */
export interface TokensSent {
  /** Of a call whose pick is due. */
  expect(callId: number, tokens: number): void;
  /** The request of a call was sent to an endpoint. */
  sent(callId: number, slot: number): void;
  /** It is done, or was never sent. */
  done(callId: number): void;
  /** Tokens under way at an endpoint. */
  at(slot: number): number;
  /** The endpoints behind these slots have left. */
  forget(slots: readonly number[]): void;
}

interface Expected {
  readonly tokens: number;
  /** -1 = not sent yet. */
  slot: number;
}

/** Calls that are remembered; the oldest are forgotten, and with them what they count. */
const maxCalls = 65_536;

/** Nothing is under way at first. */
export function createTokensSent(): TokensSent {
  const calls = new Map<number, Expected>();
  const sums: number[] = [];
  const done = (callId: number) => {
    const call = calls.get(callId);
    if (call === undefined) return;
    calls.delete(callId);
    if (call.slot >= 0) sums[call.slot] = Math.max(0, (sums[call.slot] ?? 0) - call.tokens);
  };
  return {
    expect(callId, tokens) {
      done(callId);
      calls.set(callId, { tokens, slot: -1 });
      if (calls.size <= maxCalls) return;
      for (const oldest of calls.keys()) {
        done(oldest);
        return;
      }
    },
    sent(callId, slot) {
      const call = calls.get(callId);
      if (call === undefined || call.slot >= 0) return;
      call.slot = slot;
      sums[slot] = (sums[slot] ?? 0) + call.tokens;
    },
    done,
    at: (slot) => sums[slot] ?? 0,
    forget(slots) {
      for (const slot of slots) sums[slot] = 0;
      if (slots.length === 0) return;
      for (const [callId, call] of calls) if (slots.includes(call.slot)) calls.delete(callId);
    },
  };
}
