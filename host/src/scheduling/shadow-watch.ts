import type { CycleInput, DecisionRecord, HostFacts } from "@outrider/core";
import type { SchedulingMetrics } from "./metrics.ts";

/** Sees one decision and its shadow scorers to their end, for as long as they may read the request. */
export interface ShadowWatch {
  /** One has ended that was not done with the decision. */
  readonly ended: NonNullable<CycleInput["onShadow"]>;
  /** The decision is made. */
  decided(record: DecisionRecord): void;
}

/** @param facts released when the decision is made and its last shadow scorer has ended. */
export function createShadowWatch(
  metrics: Pick<SchedulingMetrics, "shadow">,
  facts: Pick<HostFacts, "release">,
): ShadowWatch {
  let ended = 0;
  let pending = Number.POSITIVE_INFINITY;
  const releaseAtEnd = () => {
    if (ended === pending) facts.release();
  };
  return {
    ended(record, profile, outcome) {
      metrics.shadow(record, profile, outcome);
      ended++;
      releaseAtEnd();
    },
    decided({ pendingShadows }) {
      pending = pendingShadows.length;
      releaseAtEnd();
    },
  };
}
