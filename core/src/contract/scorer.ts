import type { EndpointChange, EndpointColumns, EndpointDirectory } from "./endpoints.ts";
import type { RequestFacts } from "./facts.ts";
import type { FeedbackEvent } from "./feedback.ts";
import type { NeedKey } from "./keys.ts";
import type { PeerPick } from "./peer-pick.ts";
import type { SessionPinning } from "./session-pinning.ts";

/** Values that producers wrote for this call, in candidate order. */
export interface CandidateData {
  /** Values of a `data.*` key, one per candidate, `NaN` = unknown; all `NaN` where no producer wrote it. */
  get(key: string): Float32Array;
}

/** One call to a scorer or producer; only valid until the call settles, but for {@link RequestFacts.blockHashes}. */
export interface ScoreCall {
  /** Names the call in feedback; unique among the calls of one host that are not yet done. */
  readonly callId: number;
  /** Slots of the N ≥ 1 candidates, ascending. */
  readonly candidates: Uint32Array;
  /** Measurements, indexed by slot. */
  readonly columns: EndpointColumns;
  /** Endpoints behind the slots. */
  readonly endpoints: EndpointDirectory;
  /** Granted facts of the request. */
  readonly request: RequestFacts;
  /** What producers wrote. */
  readonly data: CandidateData;
  /** Scheduling profile that asks. */
  readonly profile: string;
  /** Picks of earlier profiles of this request. */
  readonly peers: readonly PeerPick[];
  /** The host's clock, Unix ms; virtual in simulation and replay. A plugin reads no other. */
  readonly nowMs: number;
  /** Seed of this call's randomness, 32 bits; recorded. */
  readonly seed: number;
  /** Next number in [0, 1) of this call's randomness. A plugin uses no other. */
  random(): number;
  /**
   * Rules a candidate out of this decision, whatever its total; nothing happens where `veto` was not granted, and a veto
   * of all candidates is ignored. Only a scorer may, and before it has answered.
   * @param position of the candidate in {@link candidates}.
   */
  veto(position: number): void;
}

/** Why a plugin answered as it did, at most 200 bytes, for explain; nothing = no reason given. */
// biome-ignore lint/suspicious/noConfusingVoidType: a scorer's body without a return statement gives no reason
export type Reason = string | undefined | void;

/** What a scorer and a producer have in common. All hooks run in the order of the calls and changes they concern. */
interface PluginInstance {
  /** Learns of endpoints that came, went or restarted; called before the first call that knows of the change. */
  endpointsChanged?(change: EndpointChange): void;
  /** Learns what became of a call; only the events asked for by `events.*` needs arrive, and always `done`. */
  feedback?(event: FeedbackEvent): void;
  /** What was learned so far, for the instance that takes over; at most {@link maxHandoffBytes} with all others of its process. */
  handoff?(): Uint8Array;
  /** Takes what the instance before it has handed over; at most once, after `create`, calls may have come before it. */
  restore?(handoff: Uint8Array): void;
}

/** Largest state handed to a plugin's next generation, in bytes. Source: the contract's `Drained.handoff`. */
export const maxHandoffBytes = 960 * 1024;

/** Rates candidates. May keep state between calls, but must not count on seeing every request. */
export interface ScorerInstance extends PluginInstance {
  /**
   * Writes one score per candidate, each in [0, 1], 1 best; what is left `NaN` is an abstention.
   * @param scores N slots, all `NaN` at first, `scores[i]` for candidate i; only valid until this call settles.
   * @throws {OutriderError} `SCORER_UNAVAILABLE`, `SCORER_FAILED`. The deadline is the cycle's business: an answer
   *   after it is dropped.
   */
  score(call: ScoreCall, scores: Float32Array): Reason | Promise<Reason>;
}

/** Computes named values per candidate before the filters run. */
export interface ProducerInstance extends PluginInstance {
  /**
   * Writes the values of each key it produces.
   * @param values an array per key of `produces`, in that order, one value per candidate, all `NaN` at first.
   */
  produce(call: ScoreCall, values: readonly Float32Array[]): Reason | Promise<Reason>;
}

/** Checks and completes `parameters:`; a zod schema is one. */
export interface ConfigSchema<C> {
  /** Result of a check: the completed value, or every fault with its path. */
  safeParse(value: unknown):
    | { readonly success: true; readonly data: C }
    | {
        readonly success: false;
        readonly error: {
          readonly issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[];
        };
      };
}

/** What a plugin asks for; a bare key stands for `{ key }`. */
export interface Need {
  /** Canonical key. */
  readonly key: NeedKey;
  /** Whether the plugin cannot work without it; default false. */
  readonly required?: boolean;
  /** Largest value wanted, in bytes (prompt text) or tokens (token ids); default no limit of the plugin's. */
  readonly maxBytes?: number;
  /** Names wanted of labels, sets or headers. */
  readonly names?: readonly string[];
  /** Tokens in one prefix block; default 64, the host's. */
  readonly blockSizeTokens?: number;
}

/** What kind of preference a scorer expresses. */
export type Category = "affinity" | "distribution" | "balance";

/** Where a plugin's state lives: nowhere, in the one thread or process that sees its calls and feedback, or outside. */
export type StateScope = "none" | "local" | "shared";

interface PluginDefinition<C> {
  /** `type:` in the configuration. */
  readonly type: string;
  /** Where its state lives. */
  readonly state: StateScope;
  /** What it asks for; columns, facts, data and events. */
  readonly needs: readonly (NeedKey | Need)[];
  /**
   * What it asks for besides, by its parameters: a column or a header that they name. Heard where the host knows the
   * declaration, of built-in types and modules; for any other, the configuration says it under `needs:`.
   */
  needsOf?(config: C): readonly (NeedKey | Need)[];
  /** Checks `parameters:`. */
  readonly config: ConfigSchema<C>;
  /** Calls it takes before it has answered one; default 64. */
  readonly maxConcurrency?: number;
}

/** Declaration of a scorer type: written once, run inline, in a worker, as a process or remote. */
export interface ScorerDefinition<C = unknown> extends PluginDefinition<C> {
  readonly kind: "scorer";
  /** What kind of preference it expresses. */
  readonly category: Category;
  /**
   * Set: the score of an endpoint depends on neither the request nor the other candidates, and stays good so long, in ms.
   * Out of process it is then pushed as a table with each change of the endpoints, and no request asks for it. Must not
   * read in-flight columns. Absent: it is asked for each request.
   */
  readonly tableTtlMs?: number;
  /**
   * How the host pins the sessions whose endpoint the scorer reads as `request.pinned_slot`; absent: it leaves that to
   * others of the configuration. All scorers of a configuration see the same pin. Read of built-in types alone.
   */
  readonly pinning?: (config: C) => SessionPinning;
  /** Makes one configured instance. */
  create(config: C): ScorerInstance;
}

/** Declaration of a producer type. */
export interface ProducerDefinition<C = unknown> extends PluginDefinition<C> {
  readonly kind: "producer";
  /** Keys it writes, `data.*`. */
  readonly produces: readonly string[];
  /** Makes one configured instance. */
  create(config: C): ProducerInstance;
}

/** Any declaration of a scorer, its configuration type forgotten: `create` takes what `config` accepted. */
export interface AnyScorerDefinition extends Omit<ScorerDefinition<never>, "config"> {
  /** Checks `parameters:`. */
  readonly config: ConfigSchema<unknown>;
}

/** Any declaration of a producer, its configuration type forgotten. */
export interface AnyProducerDefinition extends Omit<ProducerDefinition<never>, "config"> {
  /** Checks `parameters:`. */
  readonly config: ConfigSchema<unknown>;
}

/** Any declaration. */
export type AnyDefinition = AnyScorerDefinition | AnyProducerDefinition;
