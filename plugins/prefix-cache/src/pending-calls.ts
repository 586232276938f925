/** What is kept of a call until more is known of it. */
export interface PendingCall {
  /** Hashes of the prompt's blocks that are learned, two words each. */
  readonly hashes: Uint32Array;
  /** Blocks of it that are learned. */
  readonly count: number;
  /** Blocks that may follow them: none where not even the prompt's are all learned. */
  readonly room: number;
  readonly blockSizeTokens: number;
  readonly profile: string;
}

/** Calls that wait for something; in bounded memory, the oldest dropped. */
export interface PendingCalls<C extends PendingCall> {
  readonly size: number;
  put(callId: number, call: C): void;
  /** Takes a call out; `undefined` where it is not there. */
  take(callId: number): C | undefined;
}

/** What a call takes besides its hashes, roughly. */
const callBytes = 200;

/** Room for calls of `limitBytes`, and for one call of any size. @param dropped told of a call that is given up. */
export function createPendingCalls<C extends PendingCall>(
  limitBytes: number,
  dropped: (call: C) => void = () => {},
): PendingCalls<C> {
  const calls = new Map<number, C>();
  let bytes = 0;
  const take = (callId: number) => {
    const call = calls.get(callId);
    if (call === undefined) return undefined;
    calls.delete(callId);
    bytes -= callBytes + call.hashes.byteLength;
    return call;
  };
  const drop = (callId: number) => {
    const call = take(callId);
    if (call !== undefined) dropped(call);
  };
  return {
    get size() {
      return calls.size;
    },
    put(callId, call) {
      // An id that comes again counts from now.
      drop(callId);
      calls.set(callId, call);
      bytes += callBytes + call.hashes.byteLength;
      for (const oldest of calls.keys()) {
        if (bytes <= limitBytes || oldest === callId) return;
        drop(oldest);
      }
    },
    take,
  };
}
