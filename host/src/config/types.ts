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

/** A configured picker. */
export type PickerSpec = {
  /** Name in the configuration. */
  readonly name: string;
  /** Length of the list it gives: the pick, then fallback endpoints. */
  readonly maxEndpoints: number;
} & (
  | { readonly type: "max-score-picker"; readonly tieBreak: "random" | "first" }
  | { readonly type: "random-picker" | "weighted-random-picker" }
);

/** One scheduling profile, by names. */
export interface ProfileSpec {
  readonly name: string;
  /** In the order of the configuration. */
  readonly scorers: readonly ScorerPlace[];
  readonly picker: PickerSpec;
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
  /** Scorers and producers in the order of the configuration, each before the one that is asked in its place. */
  readonly plugins: readonly PluginSpec[];
  /** Producers by wave: those of a wave run at once, each wave after the data it reads. */
  readonly waves: readonly (readonly ProducerPlace[])[];
  /** At least one. */
  readonly profiles: readonly ProfileSpec[];
  /** Name of the profile handler. */
  readonly handler: string;
  /** Whether some plugin may read the in-flight columns. */
  readonly readsInflight: boolean;
}
