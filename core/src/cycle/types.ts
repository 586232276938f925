import type {
  CycleCall,
  EndpointColumns,
  EndpointDirectory,
  EndpointSnapshot,
  InflightColumns,
  OutriderError,
  PeerPick,
  Producer,
  RequestFacts,
  Scorer,
} from "../contract/index.ts";

/** Time as the cycle reads it; virtual in simulation and replay. */
export interface CycleClock {
  /** Unix ms. */
  nowMs(): number;
  /** Monotonic ms with fractions, from any origin. */
  elapsedMs(): number;
  /** Runs `callback` once after `delayMs`; returns what {@link cancel} takes. */
  after(delayMs: number, callback: () => void): unknown;
  /** Cancels what {@link after} started, if it has not run. */
  cancel(timer: unknown): void;
}

/** What a scorer said last, by endpoint; kept by whoever makes the plan, from decision to decision. */
export interface LastScores {
  /** Keeps an answer, its abstentions too. */
  note(endpoints: EndpointDirectory, candidates: Uint32Array, scores: Float32Array, atMs: number): void;
  /** Scores of the candidates that are not too old at `nowMs`; `NaN` for the others, and where a slot has another endpoint. */
  recall(endpoints: EndpointDirectory, candidates: Uint32Array, nowMs: number): Float32Array;
}

/** What a missing answer of a scorer (late, failed, shed) counts as. */
export type FailurePolicy =
  /** The others decide. */
  | { readonly kind: "abstain" }
  /** What it said last. */
  | { readonly kind: "last_known"; readonly last: LastScores }
  /** 0.5 for every candidate. */
  | { readonly kind: "neutral" }
  /** What another scorer says, asked when the first has brought nothing; it answers at once, or counts for nothing. */
  | { readonly kind: "inline"; readonly scorer: Scorer }
  /** The request is refused. */
  | { readonly kind: "fail_request" };

/** A scorer's place in a profile. */
export interface WeightedScorer {
  readonly scorer: Scorer;
  /** Share of it relative to the others, > 0. */
  readonly weight: number;
  /** Cap within the decision's budget, in ms. */
  readonly budgetMs: number;
  readonly onFailure: FailurePolicy;
  /** Asked and recorded, never counted nor waited for. */
  readonly shadow: boolean;
}

/** A producer's place in a plan. */
export interface PlannedProducer {
  readonly producer: Producer;
  /** Cap within the decision's budget, in ms. */
  readonly budgetMs: number;
}

/** Drops endpoints from the candidates; plain code of the host. */
export interface Filter {
  readonly name: string;
  readonly type: string;
  /** Slots that stay, ascending; `candidates` itself where all do. Asked again of more where a filter behind it relaxes. */
  filter(call: CycleCall): Uint32Array;
}

/** What happens where a filter leaves nothing. */
export type OnEmpty =
  /** The profile finds no endpoint. */
  | "fail"
  /** The filter counts for nothing: what was there before it stays. */
  | "ignore_last"
  /**
   * The filters before it that say `relax` too are set aside, nearest first, until it leaves something; where nothing
   * helps, it counts for nothing.
   */
  | "relax";

/** A filter's place in a profile. */
export interface PlannedFilter {
  readonly filter: Filter;
  readonly onEmpty: OnEmpty;
}

/** What is known of a request where profiles are chosen; a superset of what plugins see. */
export interface CycleFacts extends RequestFacts {
  /** Whether the prompt has parts that are no text, such as images; absent = it has none, or nobody needs to know. */
  readonly multimodal?: boolean;
  /** Candidates that its session is pinned to, by the profile whose picks are, empty = the destination's; absent = none. */
  readonly pins?: ReadonlyMap<string, number> | undefined;
}

/** Why a decision leads nowhere, in the words that the client reads. */
export interface DecisionRefusal {
  /** Name of the policy that refuses. */
  readonly by: string;
  /** As the reference EPP names it; tells the status: 404, 412, 429, 503. */
  readonly code: "NotFound" | "PreconditionFailed" | "ResourceExhausted" | "ServiceUnavailable";
  /** What the client reads. */
  readonly message: string;
  /** Value of `x-llm-d-request-dropped-reason`; empty = none. */
  readonly droppedReason: string;
  /** Seconds after which asking again makes sense; 0 = nobody knows. */
  readonly retryAfterS: number;
}

/** Lets a request through or refuses it, once producers have answered; plain code of the host. */
export interface Admitter {
  readonly name: string;
  readonly type: string;
  /** @param call as a filter of no profile would get it. @returns why the request is refused; `undefined` = it is not. */
  admit(call: CycleCall): DecisionRefusal | undefined;
}

/** What a picker chooses from. */
export interface PickInput {
  /** Slots, ascending. */
  readonly candidates: Uint32Array;
  /** Total of each candidate, finite. */
  readonly totals: Float64Array;
  /** Facts of the request. */
  readonly facts: CycleFacts;
  /** Endpoints behind the slots. */
  readonly endpoints: EndpointDirectory;
  /** Measurements, indexed by slot. */
  readonly columns: EndpointColumns;
  /** Next number in [0, 1) of the decision's randomness. */
  random(): number;
}

/** Chooses from the totals; plain code of the host. */
export interface Picker {
  readonly name: string;
  readonly type: string;
  /** How it orders equal totals, such as `random` or `first`; absent = it knows no ties. */
  readonly tieBreak?: string;
  /** Slots, the pick first, then fallback endpoints in order; at least one, at most as many as configured. */
  pick(input: PickInput): number[];
  /**
   * What it chose then, told by the record of a decision, of a picker whose choice depends on more than `input`; changes
   * nothing that later picks depend on. Absent = {@link pick} tells.
   * @param recorded slots that it chose then, the pick first.
   */
  again?(input: PickInput, recorded: readonly number[]): number[];
}

/** A named set of filters, weighted scorers and one picker. */
export interface Profile {
  readonly name: string;
  /** Run in this order. */
  readonly filters: readonly PlannedFilter[];
  /** Asked at once. */
  readonly scorers: readonly WeightedScorer[];
  readonly picker: Picker;
}

/** What a profile handler decides by. */
export interface HandlerView {
  readonly facts: CycleFacts;
  readonly snapshot: EndpointSnapshot;
  /** Candidates of the decision, slots ascending, before any filter. */
  readonly candidates: Uint32Array;
  /** First pick of each profile that found an endpoint, in order. */
  readonly picks: readonly PeerPick[];
  /** What has run so far, in order, those that found no endpoint included. */
  readonly profiles: readonly ProfileRecord[];
  /** What a producer wrote under a key, `data.*`, for an endpoint; `NaN` = unknown, or it is no candidate. */
  data(key: string, slot: number): number;
}

/** What a request carries to its endpoint besides the destination. */
export interface Routing {
  /** Headers to set, in order; they are among the handler's {@link ProfileHandler.ownHeaders}. */
  readonly setHeaders: readonly (readonly [name: string, value: string])[];
  /** Port to send to in the place of the endpoints' own; 0 = their own. */
  readonly port: number;
}

/** Decides whether a further profile runs; plain code of the host. */
export interface Decider {
  readonly name: string;
  readonly type: string;
  /** @param picked endpoint that the request would otherwise be computed on alone; -1 = not known yet. */
  decide(view: HandlerView, picked: number): boolean;
}

/** Decides which profiles run next, given the picks so far. */
export interface ProfileHandler {
  readonly name: string;
  readonly type: string;
  /**
   * Next profile, why the request is refused, or `undefined` when all that should run have run; one that has run ends
   * the cycle too.
   */
  next(view: HandlerView): Profile | DecisionRefusal | undefined;
  /** Name of the profile whose pick is the request's destination, of those that have run; empty = none. */
  primaryOf(profiles: readonly ProfileRecord[]): string;
  /** Request headers, in lower case, that only this handler sets: a client's are removed. */
  readonly ownHeaders: readonly string[];
  /** What the request carries, once all profiles have run and the primary has picked; absent = nothing. */
  route?(view: HandlerView): Routing;
}

/** All that the configuration says about deciding; one generation of it. */
export interface Plan {
  /** Counts configurations, from 1. */
  readonly generation: number;
  /** Budget of a decision, shared by producers and all profiles, in ms. */
  readonly budgetMs: number;
  /** Producers by wave: those of a wave run at once, each wave after the data it reads. */
  readonly waves: readonly (readonly PlannedProducer[])[];
  /** Asked in order behind the producers, the first refusal counts. */
  readonly admitters: readonly Admitter[];
  /** All profiles that the handler chooses from. */
  readonly profiles: readonly Profile[];
  readonly handler: ProfileHandler;
  /** Whether some scorer, producer or filter reads the in-flight columns. */
  readonly readsInflight: boolean;
}

/** Calls of one decision that count, at most, and behind them as many of shadow scorers. */
export const shadowCallIds = 128;

/** What a decision is made from. */
export interface CycleInput {
  /** Id of the decision, unique in the host's life. */
  readonly decisionId: string;
  /** First call id of the decision; its calls count on from it, those of shadow scorers from {@link shadowCallIds} behind it. */
  readonly firstCallId: number;
  readonly plan: Plan;
  readonly snapshot: EndpointSnapshot;
  /** Candidates after the subset hint, slots ascending; at least one. */
  readonly candidates: Uint32Array;
  readonly facts: CycleFacts;
  /** Sent and not yet done, copied here when the plan reads it. */
  readonly inflight: InflightColumns;
  /** 32 bits; the same seed, snapshot, facts and answers give the same decision. */
  readonly seed: number;
  readonly clock: CycleClock;
  /** See {@link CycleCall.isRehearsal}; default false. */
  readonly isRehearsal?: boolean;
  /** Hears that the decision goes on behind answers that it waited for, before it does. */
  readonly onResumed?: (() => void) | undefined;
  /** Hears how a shadow scorer that was not done with the decision ended; its place in the record is not changed. */
  readonly onShadow?: ((decision: DecisionRecord, profile: string, outcome: ScorerOutcome) => void) | undefined;
}

/** How one plugin's part in a decision ended. */
export type PluginOutcome = {
  readonly name: string;
  readonly type: string;
  /** The call as the plugin saw it. */
  readonly callId: number;
  /** Call to answer, or to the bell, in µs. */
  readonly durationUs: number;
} & (
  | { readonly kind: "scored"; readonly reason: string }
  | { readonly kind: "abstained" | "late" | "shed"; readonly reason: string }
  | { readonly kind: "failed"; readonly error: OutriderError }
);

/** What one scorer brought to a decision. Failure is an outcome: the cycle goes on without it. */
export type ScorerOutcome = PluginOutcome & {
  readonly weight: number;
  /** One score per candidate as it was combined, `NaN` = no opinion; empty unless `scored` or there is a `fallback`. */
  readonly scores: Float32Array;
  /** What stood in for a missing answer; `undefined` = nothing did, or none was missing. */
  readonly fallback: "last_known" | "neutral" | "inline" | undefined;
  /** Positions that it vetoed and was allowed to, ascending; empty = none. */
  readonly vetoed: readonly number[];
  /** Finite scores outside [0, 1] that were clamped. */
  readonly clamped: number;
};

/** What one producer brought to a decision. */
export type ProducerOutcome = PluginOutcome & {
  /** Per key of `produces`, one value per candidate; empty unless `scored`. */
  readonly values: readonly Float32Array[];
};

/** One filter's step. */
export interface FilterStep {
  readonly name: string;
  /** Slots that stayed behind it. */
  readonly kept: Uint32Array;
  /** `ignored`: it left nothing, and counts for nothing; `relaxed`: others were set aside so that it left something. */
  readonly outcome: "applied" | "ignored" | "relaxed";
  /** Names of the filters before it that were set aside for it, in that order; absent unless `relaxed`. */
  readonly setAside?: readonly string[];
}

/** One profile's run. */
export interface ProfileRecord {
  readonly name: string;
  readonly filters: readonly FilterStep[];
  /** Slots that were scored, ascending. */
  readonly candidates: Uint32Array;
  readonly scorers: readonly ScorerOutcome[];
  /** Total per candidate. */
  readonly totals: Float64Array;
  /** What shadow scorers brought; `late` where one was not done when the decision was. */
  readonly shadows: readonly ScorerOutcome[];
  /** How vetoes ended: none given, those vetoed were left out, or ignored because all candidates were. */
  readonly vetoes: "none" | "applied" | "ignored";
  /** Slots, the pick first, then fallbacks; empty where a filter left nothing. */
  readonly picked: readonly number[];
}

/** Everything one decision was made from and led to: enough to explain it and to run it again. */
export interface DecisionRecord {
  readonly decisionId: string;
  /** Unix ms at its start. */
  readonly atMs: number;
  /** Generation of the configuration. */
  readonly generation: number;
  readonly snapshot: EndpointSnapshot;
  readonly facts: CycleFacts;
  /** Candidates after the subset hint. */
  readonly candidates: Uint32Array;
  /** In-flight columns as the decision saw them; empty arrays where nobody reads them. */
  readonly inflight: InflightColumns;
  readonly producers: readonly ProducerOutcome[];
  readonly profiles: readonly ProfileRecord[];
  readonly seed: number;
  /** Slots of the destination, the pick first; empty = refused, with the profile that found nothing. */
  readonly destination: readonly number[];
  /** Name of the profile whose pick is the destination; empty = none has run. */
  readonly primary: string;
  /** What the request carries to its destination. */
  readonly routing: Routing;
  /** Policy that refused the request; `undefined` = none did. */
  readonly refusal: DecisionRefusal | undefined;
  /** Scorer whose missing answer refused the request; empty = none. */
  readonly failedBy: string;
  /** Outcomes in `shadows` that are not the last word: `onShadow` hears of each, when it is done or late for good. */
  readonly pendingShadows: readonly ScorerOutcome[];
  /** Start to pick, in µs. */
  readonly durationUs: number;
}
