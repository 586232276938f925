import type { CycleCall, CycleClock, EndpointSnapshot, InflightColumns } from "@outrider/core";
import type { Need, OutriderError, Reason } from "@outrider/core/contract";
import type { AnswerTimes } from "@outrider/transport";
import type { Logger } from "pino";
import type { FeedbackSender } from "./feedback-sender.ts";
import type { PluginMetrics } from "./metrics.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { PluginTiming } from "./plugin-timing.ts";
import type { PluginProfile } from "./types.ts";

/** Somebody who keeps the endpoint table by slots; see the table's own `addHolder`. */
export interface TableHolder {
  ackedRev: number;
  close(): void;
}

/** What the runtime needs of the endpoint table. */
export interface PluginTable {
  /** The last published snapshot. */
  readonly current: EndpointSnapshot;
  /** Live counts of what the host has sent. */
  readonly inflight: InflightColumns;
  /** A slot that a holder may still know is not reused. */
  addHolder(): TableHolder;
}

/** The host as plugins see it. */
export interface HostIdentity {
  /** Random per start of the host. */
  readonly instance: string;
  /** Semantic version. */
  readonly version: string;
}

/** What all plugin processes share. */
export interface RuntimeContext {
  readonly host: HostIdentity;
  readonly table: PluginTable;
  readonly clock: CycleClock;
  readonly timing: PluginTiming;
  readonly metrics: PluginMetrics;
  /** Budget of a decision, in ms. */
  readonly decisionBudgetMs: number;
  /** Block size in force for `request.block_hashes`: what another plugin was granted; `undefined` = none was. */
  blockSizeTokens(entry: PluginEntry): number | undefined;
}

/** One plugin process as its connection needs it. */
export interface LinkContext extends RuntimeContext {
  /** Name of the process. */
  readonly name: string;
  readonly log: Logger;
  /** Configured plugins that it serves; the instance's number is the index plus 1, on every connection. */
  readonly entries: readonly PluginEntry[];
  /** Bearer token; empty = none. */
  readonly token: string;
  readonly feedback: FeedbackSender;
  /** Life of the process so far, to tell what it remembers; empty before the first connection. */
  readonly lastBootId: string;
  /** The contract was broken by `frame`. */
  violation(error: OutriderError, frame: Uint8Array): void;
  /**
   * A call of this plugin was answered, too late where `isLate`; not told of rehearsals.
   * @param times only valid during the call.
   */
  answered(entry: PluginEntry, times: AnswerTimes, isLate: boolean): void;
  /** Its state did not fit: the whole table is sent again. */
  resynced(error: OutriderError): void;
  /** Whether anybody looks at frames, for links that have to make them. */
  isTapped(): boolean;
  /** Sees each message of the connection, without its frame header; only valid during the call. */
  frame(direction: "sent" | "received", message: Uint8Array): void;
  /** Ends what is under way. */
  readonly signal: AbortSignal;
}

/** What one configured plugin can be asked over an open connection. */
export interface LinkedPlugin {
  readonly entry: PluginEntry;
  /** What it may see, narrowed to what was granted. */
  readonly granted: readonly Need[];
  /** Keys it writes; empty for a scorer. */
  readonly produces: readonly string[];
  /**
   * Answers from a score table that the plugin has sent of its own accord, without putting a call: no events belong to
   * it. False, and nothing is written, where the call is to be put.
   * @throws {OutriderError} `SCORER_UNAVAILABLE` where no table holds and the plugin is never asked.
   */
  scoreFromTable(call: CycleCall, scores: Float32Array): boolean;
  /** @throws {OutriderError} as `SessionClient.score`. */
  score(call: CycleCall, scores: Float32Array): Promise<Reason>;
  /** @throws {OutriderError} as `SessionClient.produce`. */
  produce(call: CycleCall, values: readonly Float32Array[]): Promise<Reason>;
}

/** An open connection to a plugin process: configured, in step with the endpoint table, taking calls. */
export interface PluginLink {
  readonly profile: PluginProfile;
  /** Identity of the process's life; empty where it told none. */
  readonly bootId: string;
  /** Version of the plugin, as it said in its handshake; empty where it told none. */
  readonly pluginVersion: string;
  /** Those that were accepted; at least one. */
  readonly plugins: readonly LinkedPlugin[];
  /** Makes them active: whoever opened the link can put calls. */
  activate(): void;
  /** Hands on a new snapshot. */
  publish(snapshot: EndpointSnapshot): void;
  /** Sends the whole table again; nothing happens where none is kept. */
  resync(): void;
  /** Snapshots published and not acknowledged. */
  readonly revLag: number;
  /**
   * Takes note of what was acknowledged, so that slots can be used again. True where a call that is put now finds the
   * newest snapshot published.
   */
  catchUp(): boolean;
  /** Settles when the connection is lost or was closed, with the reason. */
  readonly closed: Promise<OutriderError>;
  /** Lets calls end, at most `deadlineMs`, and closes it; resolves with what was learned, empty = nothing. Never rejects. */
  drain(deadlineMs: number): Promise<Uint8Array>;
  /** Gives it what its predecessor has learned; nothing happens where it takes none. Never rejects. */
  handOff(state: Uint8Array): Promise<void>;
  /** Ends it at once. */
  close(): void;
}
