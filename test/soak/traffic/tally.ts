import type { Storm, Weather } from "../weather.ts";
import type { Ending, Sign } from "./ending.ts";

/** Counts endings. */
export interface Tally {
  /** @param kind of request and door. @param startedMs of `performance.now`. */
  add(kind: string, ending: Ending, startedMs: number): void;
  /** Requests by how they ended. */
  readonly counts: Readonly<Record<Outcome, number>>;
  /** Requests by kind and outcome. */
  readonly byKind: ReadonlyMap<string, Readonly<Record<Outcome, number>>>;
  /** What failed without a storm that explains it, by kind and detail. */
  readonly failures: ReadonlyMap<string, number>;
}

/** `hit`: it failed as the storm of that time explains. */
export type Outcome = "well" | "aborted" | "hit" | "failed";

/** What each storm explains. */
const explains: Readonly<Record<Storm, readonly Sign[]>> = {
  reset: ["cut", "502", "503"],
  errors: ["500"],
  gone: ["502", "503"],
};

/** Most different failures that are told apart. */
const maxFailures = 200;

/** Nothing is counted yet. */
export function createTally(weather: Weather): Tally {
  const counts = noCounts();
  const byKind = new Map<string, Record<Outcome, number>>();
  const failures = new Map<string, number>();
  return {
    counts,
    byKind,
    failures,
    add(kind, ending, startedMs) {
      const outcome = judge(ending, weather.since(startedMs));
      counts[outcome]++;
      const ofKind = byKind.get(kind) ?? noCounts();
      ofKind[outcome]++;
      byKind.set(kind, ofKind);
      if (outcome !== "failed" || ending.kind !== "bad") return;
      const failure = `${kind}: ${ending.sign}: ${ending.detail}`;
      if (failures.has(failure) || failures.size < maxFailures) failures.set(failure, (failures.get(failure) ?? 0) + 1);
    },
  };
}

function judge(ending: Ending, storms: ReadonlySet<Storm>): Outcome {
  if (ending.kind !== "bad") return ending.kind;
  return [...storms].some((storm) => explains[storm].includes(ending.sign)) ? "hit" : "failed";
}

function noCounts(): Record<Outcome, number> {
  return { well: 0, aborted: 0, hit: 0, failed: 0 };
}
