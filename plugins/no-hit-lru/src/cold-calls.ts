/** Calls for cold requests that nobody knows the endpoint of yet; in bounded memory, the oldest dropped. */
export interface ColdCalls {
  add(callId: number): void;
  /** Whether a call was among them; it no longer is. */
  take(callId: number): boolean;
}

/** Room for so many calls. */
export function createColdCalls(limit: number): ColdCalls {
  const calls = new Set<number>();
  return {
    add(callId) {
      calls.delete(callId);
      calls.add(callId);
      if (calls.size <= limit) return;
      for (const oldest of calls) {
        calls.delete(oldest);
        return;
      }
    },
    take: (callId) => calls.delete(callId),
  };
}
