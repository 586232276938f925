import type { CandidateSet } from "./candidate-set.ts";
import type { Filter, FilterStep, PlannedFilter } from "./types.ts";

/** What a profile's filters came to. */
export interface FilterRun {
  /** Those that ran, in order. */
  readonly steps: readonly FilterStep[];
  /** What they left; empty where one left nothing and the profile fails by it. */
  readonly candidates: CandidateSet;
}

/** Asks one filter; the same place is asked alike each time. */
export type AskFilter = (filter: Filter, place: number, candidates: CandidateSet) => Uint32Array;

/** Runs filters one behind the other, and treats those that leave nothing as they say. */
export function runFilters(planned: readonly PlannedFilter[], all: CandidateSet, ask: AskFilter): FilterRun {
  const steps: FilterStep[] = [];
  let candidates = all;
  let idle: ReadonlySet<number> = none;
  for (let place = 0; place < planned.length; place++) {
    const { filter, onEmpty } = planned[place];
    const { name } = filter;
    const kept = ask(filter, place, candidates);
    if (kept.length > 0 || onEmpty === "fail") {
      steps.push({ name, kept, outcome: "applied" });
      candidates = candidates.narrow(kept);
      if (kept.length === 0) break;
      continue;
    }
    const relaxed = onEmpty === "relax" ? relax(planned, place, idle, all, ask) : undefined;
    if (relaxed === undefined) {
      idle = new Set([...idle, place]);
      steps.push({ name, kept: candidates.slots, outcome: "ignored" });
      continue;
    }
    const setAside = relaxed.setAside.map((each) => planned[each].filter.name);
    idle = new Set([...idle, ...relaxed.setAside]);
    candidates = relaxed.candidates;
    steps.push({ name, kept: candidates.slots, outcome: "relaxed", setAside });
  }
  return { steps, candidates };
}

const none: ReadonlySet<number> = new Set();

/** Sets filters before a place aside, nearest first, until its own leaves something; `undefined`: nothing helps. */
function relax(
  planned: readonly PlannedFilter[],
  last: number,
  idle: ReadonlySet<number>,
  all: CandidateSet,
  ask: AskFilter,
): { readonly candidates: CandidateSet; readonly setAside: readonly number[] } | undefined {
  const setAside: number[] = [];
  for (let place = last - 1; place >= 0; place--) {
    if (planned[place].onEmpty !== "relax" || idle.has(place)) continue;
    setAside.push(place);
    const candidates = runWithout((each) => idle.has(each) || setAside.includes(each));
    if (candidates.slots.length > 0) return { candidates, setAside };
  }
  return undefined;

  function runWithout(isIdle: (place: number) => boolean): CandidateSet {
    let candidates = all;
    for (let place = 0; place <= last && candidates.slots.length > 0; place++) {
      if (!isIdle(place)) candidates = candidates.narrow(ask(planned[place].filter, place, candidates));
    }
    return candidates;
  }
}
