/** What is kept of a call until it is known where its request went. */
export interface PendingCall {
  readonly hashes: Uint32Array;
  /** Blocks of it that are learned. */
  readonly count: number;
  readonly blockSizeTokens: number;
  readonly profile: string;
}

/** Calls that were scored and not yet picked or done; in bounded memory, the oldest dropped. */
export interface PendingCalls {
  readonly size: number;
  put(callId: number, call: PendingCall): void;
  /** Takes a call out; `undefined` where it is not there. */
  take(callId: number): PendingCall | undefined;
}

/** What a call takes besides its hashes, roughly. */
const callBytes = 200;

/** Room for calls of `limitBytes`, and for one call of any size. */
export function createPendingCalls(limitBytes: number): PendingCalls {
  const calls = new Map<number, PendingCall>();
  let bytes = 0;
  const take = (callId: number) => {
    const call = calls.get(callId);
    if (call === undefined) return undefined;
    calls.delete(callId);
    bytes -= callBytes + call.hashes.byteLength;
    return call;
  };
  return {
    get size() {
      return calls.size;
    },
    put(callId, call) {
      // An id that comes again counts from now.
      take(callId);
      calls.set(callId, call);
      bytes += callBytes + call.hashes.byteLength;
      for (const oldest of calls.keys()) {
        if (bytes <= limitBytes || oldest === callId) return;
        take(oldest);
      }
    },
    take,
  };
}
