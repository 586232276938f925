/** What is done to model servers that requests may feel. */
export type Storm = "reset" | "errors" | "gone";

/** Knows which storms a request met. */
export interface Weather {
  begin(storm: Storm): void;
  end(storm: Storm): void;
  /** Storms that blew at some time since then, in ms of `performance.now`. */
  since(startMs: number): ReadonlySet<Storm>;
}

/** For how long after its end a storm explains failures, in ms: what it broke is found at the next use. */
const aftermathMs = 3_000;

/** Calm at first. */
export function createWeather(): Weather {
  const blowing = new Set<Storm>();
  const endedMs = new Map<Storm, number>();
  return {
    begin: (storm) => void blowing.add(storm),
    end(storm) {
      blowing.delete(storm);
      endedMs.set(storm, performance.now());
    },
    since: (startMs) =>
      new Set([...blowing, ...[...endedMs].filter(([, at]) => at + aftermathMs >= startMs).map(([storm]) => storm)]),
  };
}
