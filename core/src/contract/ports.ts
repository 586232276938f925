import type { FeedbackEvent } from "./feedback.ts";
import type { Reason, ScoreCall } from "./scorer.ts";
import type { EndpointSnapshot } from "./snapshot.ts";

/** A call as scorers behind a transport need it: with the snapshot to name and what all calls of a profile share. */
export interface CycleCall extends ScoreCall {
  /** State the call is to be evaluated on. */
  readonly snapshot: EndpointSnapshot;
  /** Candidates as a bitmap over slots, bit i % 8 of byte i ÷ 8, lowest first; made once for all who ask. */
  candidateBitmap(): Uint8Array;
  /** Candidates that the request's session is pinned to, by the profile whose picks are; absent = none. For filters. */
  readonly pins?: ReadonlyMap<string, number> | undefined;
  /** Time left of the decision's and this plugin's budget when the call was made, in µs. */
  readonly budgetUs: number;
  /** A rehearsal warms the path of requests and leaves no trace: it is not counted, and nothing is told of it. */
  readonly isRehearsal?: boolean;
  /** 1 for each position that was vetoed so far; `undefined` = none was. */
  readonly vetoed: Uint8Array | undefined;
}

/** A scorer as the cycle sees it, whatever its placement. */
export interface Scorer {
  /** Key of this instance in the configuration; its label in logs and metrics. */
  readonly name: string;
  /** `type:` of it. */
  readonly type: string;
  /** Whether its vetoes count; default false. May change with a handshake. */
  readonly mayVeto?: boolean;
  /** As {@link ScorerInstance.score}; failure is an {@link OutriderError}, thrown or as a rejection. */
  score(call: CycleCall, scores: Float32Array): Reason | Promise<Reason>;
  /** What became of a call; absent where the scorer asked for no events. */
  readonly feedback?: (event: FeedbackEvent) => void;
}

/** A producer as the cycle sees it. */
export interface Producer {
  readonly name: string;
  readonly type: string;
  /** Keys it writes, `data.*`. */
  readonly produces: readonly string[];
  /** As {@link ProducerInstance.produce}. */
  produce(call: CycleCall, values: readonly Float32Array[]): Reason | Promise<Reason>;
  readonly feedback?: (event: FeedbackEvent) => void;
}

/** Counts of what the host has sent; indexed by slot, at least as long as the slot space of the snapshot they go with. */
export interface InflightColumns {
  readonly requests: Float32Array;
  readonly promptTokens: Float32Array;
  readonly outputTokens: Float32Array;
}
