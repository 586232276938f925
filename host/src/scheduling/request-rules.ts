import type { RequestParsers, SaturationDetector, Screener } from "@outrider/core";
import type { AgentReader, ResponseReporter } from "../policies/policy-type.ts";

/** A model to ask for in the place of a client's, and the rule that says so. */
export interface RuledRewrite {
  readonly rule: string;
  readonly model: string;
}

/** What a configuration says of requests before and beside the cycle; one generation of it. */
export interface RequestRules {
  readonly parsers: RequestParsers;
  /** Priority of an objective; 0 for one that is not known. */
  priorityOf(objective: string): number;
  /** @param random next number in [0, 1). @returns `undefined` = the client's model, or what its headers say. */
  rewriteOf(clientModel: string, random: () => number): RuledRewrite | undefined;
  readonly unknownModels: "route" | "refuse";
  readonly detector: SaturationDetector;
  readonly screeners: readonly Screener[];
  readonly agents: readonly AgentReader[];
  readonly reporters: readonly ResponseReporter[];
  /** Whether metrics under the reference EPP's names are kept. */
  readonly referenceMetrics: boolean;
}
