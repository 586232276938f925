import type { Need, OnEmpty, RewriteTarget, SessionSource, SessionsSpec } from "@outrider/core";
import type { DataLayerSettings } from "../datalayer/settings.ts";
import type { PluginSpec, ProcessSpec, WorkerPoolSpec } from "../plugins/types.ts";
import type { ResponsesMode } from "../scheduling/observation.ts";

/** What a scorer's missing answer counts as. */
export type FailureSpec =
  | { readonly kind: "abstain" | "neutral" | "fail_request" }
  /** `maxAgeMs`: oldest score that is recalled. */
  | { readonly kind: "last_known"; readonly maxAgeMs: number }
  /** `scorer`: name of the one that is asked then; one of {@link HostConfig.plugins}. */
  | { readonly kind: "inline"; readonly scorer: string };

/** A scorer's place in a profile. */
export interface ScorerPlace {
  /** Name of the scorer; one of {@link HostConfig.plugins}. */
  readonly name: string;
  /** Share of it relative to the others, > 0. */
  readonly weight: number;
  /** Cap within the decision's budget, in ms. */
  readonly budgetMs: number;
  /** What its missing answer counts as. */
  readonly onFailure: FailureSpec;
  /** Asked and recorded, never counted nor waited for. */
  readonly shadow: boolean;
}

/** A configured policy: plain code of the host. */
export interface PolicySpec {
  /** Name in the configuration; unique. */
  readonly name: string;
  readonly type: string;
  /** As its type's schema completed them. */
  readonly parameters: unknown;
}

/** A filter's place in a profile. */
export interface FilterPlace {
  /** Name of the filter; one of {@link HostConfig.policies}. */
  readonly name: string;
  /** What happens where it leaves nothing. */
  readonly onEmpty: OnEmpty;
}

/** One scheduling profile, by names. */
export interface ProfileSpec {
  readonly name: string;
  /** In the order of the configuration. */
  readonly filters: readonly FilterPlace[];
  /** In the order of the configuration. */
  readonly scorers: readonly ScorerPlace[];
  /** Name of its picker; one of {@link HostConfig.policies}. */
  readonly picker: string;
}

/** The named priority that requests are served under. */
export interface ObjectiveSpec {
  /** What a request's objective header says. */
  readonly name: string;
  /** Higher is served first; negative = sheddable. */
  readonly priority: number;
}

/** Requests for some models that ask for others instead. */
export interface ModelRewriteSpec {
  /** Names the rule in metrics. */
  readonly name: string;
  /** Models of the client, exactly; empty = every model that no rule names. */
  readonly models: readonly string[];
  /** At least one; a request gets one by chance in proportion to the weights, any where none has one. */
  readonly targets: readonly RewriteTarget[];
}

/** What is said of requests before and beside the cycle. */
export interface RequestSpec {
  /** Names of the parsers in the order of the configuration; the default list where it names none. */
  readonly parsers: readonly string[];
  readonly objectives: readonly ObjectiveSpec[];
  readonly modelRewrites: readonly ModelRewriteSpec[];
  /** What becomes of a request for a model that no endpoint serves: it goes on, or is answered 404. */
  readonly unknownModels: "route" | "refuse";
  /** Name of the detector that sheddable requests are refused by. */
  readonly detector: string;
  /** Names of the screeners, all asked. */
  readonly screeners: readonly string[];
  /** Names of those who tell agents from headers, the first that does wins. */
  readonly agents: readonly string[];
  /** Names of those who report usage to the gateway. */
  readonly reporters: readonly string[];
  /** Where the key of a session stands, the first that is there wins. */
  readonly sessionSources: readonly SessionSource[];
  /** How sessions get back to their endpoints; `undefined` = nobody asks for it. */
  readonly sessions: SessionsSpec | undefined;
  /** Whether metrics under the reference EPP's names are kept. */
  readonly referenceMetrics: boolean;
}

/** A producer's place in a plan. */
export interface ProducerPlace {
  /** Name of the producer; one of {@link HostConfig.plugins}. */
  readonly name: string;
  /** Cap within the decision's budget, in ms. */
  readonly budgetMs: number;
}

/** Text a configuration was read from. */
export interface ConfigSource {
  /** A path, `--config-text` or `builtin`. */
  readonly name: string;
  /** The text with values of `env:` left out. */
  readonly text: string;
  /** SHA-256 of the text as it was read, lower-case hex. */
  readonly sha256: string;
}

/** A configuration, checked and complete: what the host is built from. */
export interface HostConfig {
  readonly source: ConfigSource;
  /** Budget of a decision, shared by producers and all profiles, in ms. */
  readonly budgetMs: number;
  /** How much of responses is observed. */
  readonly responses: ResponsesMode;
  readonly workers: WorkerPoolSpec;
  /** Processes that some plugin needs, those of built-in types included. */
  readonly processes: readonly ProcessSpec[];
  /**
   * Scorers and producers in the order of the configuration, each before the one that is asked in its place; producers
   * that nobody wrote down behind them.
   */
  readonly plugins: readonly PluginSpec[];
  /** Producers by wave: those of a wave run at once, each wave after the data it reads. */
  readonly waves: readonly (readonly ProducerPlace[])[];
  /** At least one. */
  readonly profiles: readonly ProfileSpec[];
  /** Policies in the order of the configuration, those that stand by default behind them. */
  readonly policies: readonly PolicySpec[];
  /** Name of the profile handler; one of {@link HostConfig.policies}. */
  readonly handler: string;
  /** Names of the admitters, asked in this order. */
  readonly admitters: readonly string[];
  readonly requests: RequestSpec;
  readonly dataLayer: DataLayerSettings;
  /** What policies and rules of requests read of a request or the endpoints. */
  readonly needs: readonly Need[];
  /** Whether some plugin or policy may read the in-flight columns. */
  readonly readsInflight: boolean;
}
