/** What every call has that is kept for a while. */
interface Kept {
  /** When the call was made, Unix ms. */
  readonly atMs: number;
  /** Memory that it takes, in bytes. */
  readonly bytes: number;
}

/** Calls that are not yet done, in bounded memory: the oldest are dropped, for size and for age. */
export interface OpenCalls<T extends Kept> {
  /** Calls that are kept. */
  readonly size: number;
  /** Keeps a call; one of the same id is dropped. */
  put(callId: number, call: T): void;
  get(callId: number): T | undefined;
  /** Takes a call out; `undefined` where it is not there. */
  take(callId: number): T | undefined;
  /** Drops what was made before a time, Unix ms. */
  expire(beforeMs: number): void;
}

/** @param dropped told of each call that is dropped, and not of those that are taken out. */
export function createOpenCalls<T extends Kept>(limitBytes: number, dropped: (call: T) => void): OpenCalls<T> {
  const calls = new Map<number, T>();
  let bytes = 0;
  const take = (callId: number): T | undefined => {
    const call = calls.get(callId);
    if (call === undefined) return undefined;
    calls.delete(callId);
    bytes -= call.bytes;
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
      drop(callId);
      calls.set(callId, call);
      bytes += call.bytes;
      if (bytes <= limitBytes) return;
      for (const oldest of calls.keys()) {
        if (bytes <= limitBytes || oldest === callId) return;
        drop(oldest);
      }
    },
    get: (callId) => calls.get(callId),
    take,
    expire(beforeMs) {
      for (const [callId, { atMs }] of calls) {
        if (atMs >= beforeMs) return;
        drop(callId);
      }
    },
  };
}
