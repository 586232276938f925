import type { StateScope } from "@outrider/core";
import type { Difference } from "./difference.ts";
import type { Move, MoveCause } from "./moves.ts";
import type { Broken } from "./recorded-events.ts";

/** Why a decision could not be made again. */
export type SkipReason =
  | Broken
  /** The recording has not the endpoint table that it was made from. */
  | "unknown_table"
  /** A candidate is no endpoint of the table. */
  | "unknown_endpoints"
  /** A filter, picker or handler has thrown. */
  | "failed";

/** How the answers of one plugin compare with the recorded ones. */
export interface PluginComparison {
  readonly name: string;
  readonly type: string;
  /** `unknown` where nothing declares it here, as of a program in another language. */
  readonly state: StateScope | "unknown";
  /** Answers that both have, of a producer or of a scorer in the profile of its name. */
  readonly compared: number;
  /** Of these, not the same bit by bit. */
  readonly differing: number;
  /** Mean of |now − recorded| over the values that both have. */
  readonly meanChange: number;
}

/** What a scorer had to do with the requests that go elsewhere. */
export interface ScorerReason {
  readonly scorer: string;
  /** Requests for which it said most. */
  readonly decided: number;
  /** Mean of what it adds to the total of the new pick more than to the old one's, over those that go elsewhere. */
  readonly gain: number;
  /** The same by the recorded decisions; `null` where it had no part in them. */
  readonly gainRecorded: number | null;
}

/** Requests that went from one endpoint, and would go to another. */
export interface MatrixCell {
  /** Ids of endpoints; empty = refused. */
  readonly from: string;
  readonly to: string;
  readonly count: number;
}

/** A difference, and the decision that it is in. */
export interface DecisionDifference extends Difference {
  readonly decisionId: string;
  /** Whether what a plugin or picker had learned before the recording began can be why. */
  readonly isLearnedBefore: boolean;
}

/** What a replay came to. */
export interface ReplayReport {
  /** Nothing says that decisions come out other than they should; only asked of the recorded configuration. */
  readonly agrees: boolean;
  readonly recording: {
    /** Version of the host that wrote it. */
    readonly hostVersion: string;
    /** Headers: above 1, it starts anew, for a gap or another configuration. */
    readonly parts: number;
    /** Whether its first decision is the first one of its host, and no other is missing. */
    readonly isWhole: boolean;
    /** Entries that its writer had missed. */
    readonly dropped: number;
    /** Decisions that it has whole or in part. */
    readonly decisions: number;
  };
  readonly configuration: {
    readonly name: string;
    readonly sha256: string;
    /** Whether it is the recorded one. */
    readonly isRecorded: boolean;
  };
  /** Decisions made again. */
  readonly replayed: number;
  /** Decisions that were not, by why. */
  readonly skipped: Readonly<Partial<Record<SkipReason, number>>>;
  /** Steps of the endpoint table that could not be read. */
  readonly unreadableSteps: number;
  /** Answers that were missing again because they had been missing. */
  readonly repeatedMisses: number;
  /** What the configuration reads and the recording has not, by decisions. */
  readonly lacking: Readonly<Record<string, number>>;
  /** Of the replayed, with the same pick. */
  readonly samePick: number;
  /** Share of that, in [0, 1]; `null` where none was replayed. */
  readonly agreement: number | null;
  /** Of the replayed, the same bit by bit. */
  readonly identical: number;
  /** Of those that are not, how many can be so because of what was learned before the recording began. */
  readonly learnedBefore: number;
  /** Differences in the order of the recording, at most as many as were asked for. */
  readonly differences: readonly DecisionDifference[];
  /** Who would have gone where, most first; only those that would have gone elsewhere. */
  readonly matrix: readonly MatrixCell[];
  /** Why, most first: cause and who brought it about. */
  readonly causes: readonly { readonly cause: MoveCause; readonly by: string; readonly count: number }[];
  readonly scorers: readonly ScorerReason[];
  readonly plugins: readonly PluginComparison[];
  /** Requests that would have gone elsewhere, in the order of the recording, at most as many as were asked for. */
  readonly moves: readonly Move[];
}
