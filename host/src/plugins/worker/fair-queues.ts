/** One plugin's calls that wait for a thread. */
export interface CallQueue<C> {
  readonly size: number;
  push(call: C): void;
  /** The oldest one, which stays. */
  peek(): C | undefined;
  /** The oldest one. */
  shift(): C | undefined;
}

/** Calls in the order they came. */
export function createCallQueue<C>(): CallQueue<C> {
  let calls: C[] = [];
  let head = 0;
  return {
    get size() {
      return calls.length - head;
    },
    push: (call) => void calls.push(call),
    peek: () => calls[head],
    shift() {
      const call = calls[head];
      if (call === undefined) return undefined;
      head += 1;
      if (head > 32 && head * 2 > calls.length) [calls, head] = [calls.slice(head), 0];
      return call;
    },
  };
}

/** Lets plugins take turns on one thread: however much one of them has waiting, the next call is another's. */
export interface Turns<P> {
  /** The next in turn for which `isReady` holds; the turn passes on behind it. */
  next(plugins: readonly P[], isReady: (plugin: P) => boolean): P | undefined;
}

/** Turns that begin with the first. */
export function createTurns<P>(): Turns<P> {
  let last: P | undefined;
  return {
    next(plugins, isReady) {
      const start = last === undefined ? 0 : plugins.indexOf(last) + 1;
      for (let i = 0; i < plugins.length; i += 1) {
        const plugin = plugins[(start + i) % plugins.length]!;
        if (!isReady(plugin)) continue;
        last = plugin;
        return plugin;
      }
      return undefined;
    },
  };
}
