import type { OnEmpty, PinnedSessions } from "@outrider/core";
import type { ConfigSource, FailureSpec, ModelRewriteSpec, ObjectiveSpec } from "../config/types.ts";
import type { PageSettings } from "../datalayer/settings.ts";
import type { Placement } from "../plugins/types.ts";
import type { Observation } from "../scheduling/types.ts";

/** A policy and what it does with its parameters. */
export interface ExplainedPolicy {
  readonly name: string;
  readonly type: string;
  /** What it does, in words. */
  readonly says: string;
}

/** A filter in its place. */
export interface ExplainedFilter extends ExplainedPolicy {
  readonly onEmpty: OnEmpty;
}

/** A scorer or producer in its place. */
export interface ExplainedPlugin {
  readonly name: string;
  readonly type: string;
  readonly placement: Placement;
  /** Process that serves it; absent = none does. */
  readonly process?: string;
  /** Most time that it gets of a decision, in ms. */
  readonly budgetMs: number;
}

/** A scorer in a profile. */
export interface ExplainedScorer extends ExplainedPlugin {
  readonly weight: number;
  /** Its weight ÷ that of all scorers of the profile that count, in [0, 1]; 0 for a shadow. */
  readonly share: number;
  readonly shadow: boolean;
  readonly onFailure: FailureSpec;
}

/** One profile, in the order in which its parts run. */
export interface ExplainedProfile {
  readonly name: string;
  /** Whether the profile handler may run it at all. */
  readonly reached: boolean;
  readonly filters: readonly ExplainedFilter[];
  readonly scorers: readonly ExplainedScorer[];
  readonly picker: ExplainedPolicy;
}

/** A model rewrite, with the share of the requests that each target gets. */
export interface ExplainedRewrite extends Omit<ModelRewriteSpec, "targets"> {
  readonly targets: readonly { readonly model: string; readonly share: number }[];
}

/** What happens to requests before and beside the cycle. */
export interface ExplainedRequests {
  readonly parsers: readonly ExplainedPolicy[];
  readonly objectives: readonly ObjectiveSpec[];
  readonly modelRewrites: readonly ExplainedRewrite[];
  readonly unknownModels: "route" | "refuse";
  readonly detector: ExplainedPolicy;
  readonly screeners: readonly ExplainedPolicy[];
  readonly agents: readonly ExplainedPolicy[];
  /** How sessions get back to their endpoints; none where they do not. */
  readonly sessions: readonly PinnedSessions[];
  readonly reporters: readonly ExplainedPolicy[];
}

/** Something that is read of requests, endpoints or responses because somebody asks for it. */
export interface ExplainedRead {
  /** Canonical key. */
  readonly key: string;
  /** What is done for it. */
  readonly says: string;
  /** Names of those who ask for it. */
  readonly because: readonly string[];
}

/** A page that is fetched of every endpoint. */
export interface ExplainedPage extends PageSettings {
  readonly what: "metrics" | "models";
  /** Keys that are read out of it, with those who ask for them. */
  readonly reads: readonly ExplainedRead[];
}

/** What a host does with a configuration: figures, and words where figures do not tell. */
export interface Explanation {
  /** Path of the file; `stdin` = read from there. */
  readonly file: ConfigSource["name"];
  /** Budget of a decision, in ms. */
  readonly budgetMs: number;
  readonly handler: ExplainedPolicy;
  /** Asked by the profile handler whether profiles run. */
  readonly deciders: readonly ExplainedPolicy[];
  /** By wave: those of a wave run at once, each wave after the data it reads. */
  readonly producers: readonly (readonly ExplainedPlugin[])[];
  /** Asked in this order, behind the producers. */
  readonly admitters: readonly ExplainedPolicy[];
  /** In the order in which they run, where several do; those that nothing leads to behind them. */
  readonly profiles: readonly ExplainedProfile[];
  readonly requests: ExplainedRequests;
  /** Reads for which prompts are parsed; empty = they are only passed on. */
  readonly prompt: readonly ExplainedRead[];
  /** What is read of requests and computed of them, beyond what every host knows. */
  readonly reads: readonly ExplainedRead[];
  /** How much of responses is seen. */
  readonly observation: Observation;
  /** Why as much: names of those who ask for it, fields too; empty where `responses:` says so, or nobody asks. */
  readonly observers: readonly string[];
  readonly pages: readonly ExplainedPage[];
  /** Plugins that say only when they start what they read. */
  readonly untold: readonly string[];
  /** What the configuration does not name and got by default. */
  readonly added: readonly { readonly name: string; readonly type: string }[];
}
