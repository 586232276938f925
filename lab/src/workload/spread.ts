/** Most things of one moment that are spread. */
export const mostOfAMoment = 100_000;

/** A thing of a moment. */
interface Timed {
  readonly atMs: number;
}

/**
 * Spreads things of the same moment evenly over the time behind it, at most until the next moment.
 * @param over that time, in ms; 0 leaves all as it is.
 * @throws {RangeError} for more than {@link mostOfAMoment} of one moment.
 */
export function createSpread<T extends Timed>(over: number, move: (thing: T, atMs: number) => T) {
  let waiting: T[] = [];
  const release = (until: number): readonly T[] => {
    const [first] = waiting;
    if (first === undefined) return [];
    const gap = Math.min(over, until - first.atMs) / waiting.length;
    const spread = waiting.map((thing, i) => move(thing, first.atMs + i * gap));
    waiting = [];
    return spread;
  };
  return {
    /** Takes one thing; what comes before it and now has its time. */
    add(thing: T): readonly T[] {
      if (over === 0) return [thing];
      const done = waiting[0] !== undefined && waiting[0].atMs < thing.atMs ? release(thing.atMs) : [];
      if (waiting.length === mostOfAMoment) throw new RangeError(`has more than ${mostOfAMoment} rows of one moment`);
      waiting.push(thing);
      return done;
    },
    /** What is left. */
    end: (): readonly T[] => release(Number.POSITIVE_INFINITY),
  };
}
