import type { CycleClock, EndpointTable, Leases, Need, OutriderError } from "@outrider/core";
import type { DecisionRing } from "./decision-ring.ts";
import type { InForce } from "./in-force.ts";
import type { SchedulingMetrics } from "./metrics.ts";
import type { RequestObserver } from "./observer.ts";
import type { DecisionRecorder } from "./recorder.ts";

/** What a scheduler works with. */
export interface SchedulerParts {
  /** What is in force, read once a decision. */
  readonly inForce: () => InForce;
  readonly table: EndpointTable;
  readonly leases: Pick<Leases, "open">;
  readonly ring: Pick<DecisionRing, "add">;
  readonly metrics: SchedulingMetrics;
  readonly clock: CycleClock;
  /**
   * Union of what plugins may see and the configuration itself reads, another array when it changes; nothing else of a
   * request is computed.
   */
  readonly granted: () => readonly Need[];
  /** Whether what is decided leaves no trace in plugins: they neither count it nor hear of it. */
  readonly isRehearsal: boolean;
  /** Next 32 random bits. */
  readonly seed: () => number;
  /** Starts every decision's id: unique among the starts of the host. */
  readonly idPrefix: string;
  /** Whether the gateway's subset of endpoints counts. */
  readonly usesSubset: boolean;
  /** Whether gateways are told the total of every scored endpoint; default false. */
  readonly emitsScores?: boolean;
  /** Hears what becomes of requests where the rules keep metrics under the reference EPP's names; default nobody. */
  readonly observer?: RequestObserver | undefined;
  /** Who records decisions, asked for each of them; default, and where `undefined`, nobody does. */
  readonly recorder?: () => DecisionRecorder | undefined;
  /** Hears of faults of our own, which are answered 500. */
  readonly onError: (cause: unknown) => void;
  /** Hears of each request that was refused for want of a scorer; maybe of all requests. */
  readonly onRequired?: (error: OutriderError) => void;
}
