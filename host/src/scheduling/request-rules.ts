import {
  createRequestParsers,
  type RequestParser,
  type RequestParsers,
  type SaturationDetector,
  type Screener,
} from "@outrider/core";
import type { ModelRewriteSpec, RequestSpec } from "../config/types.ts";
import type { Policies } from "../policies/create-policies.ts";
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
  /** Whether there are rules that rewrite models, so that any body may change. */
  readonly rewritesModels: boolean;
  readonly unknownModels: "route" | "refuse";
  readonly detector: SaturationDetector;
  readonly screeners: readonly Screener[];
  readonly agents: readonly AgentReader[];
  readonly reporters: readonly ResponseReporter[];
  /** Whether metrics under the reference EPP's names are kept. */
  readonly referenceMetrics: boolean;
}

/** The rules of a configuration, whose policies are made or go on as `policies` has it. */
export function createRequestRules(requests: RequestSpec, policies: Policies): RequestRules {
  const { objectives, modelRewrites, unknownModels, referenceMetrics } = requests;
  const priorities = new Map(objectives.map(({ name, priority }) => [name, priority]));
  return {
    parsers: createRequestParsers(requests.parsers.map((name) => made(policies, name, "parser"))),
    priorityOf: (objective) => priorities.get(objective) ?? 0,
    rewriteOf: toRewrites(modelRewrites),
    rewritesModels: modelRewrites.length > 0,
    unknownModels,
    detector: policies.get("detector", requests.detector),
    screeners: requests.screeners.map((name) => policies.get("screener", name)),
    agents: requests.agents.map((name) => made(policies, name, "agent")),
    reporters: requests.reporters.map((name) => made(policies, name, "reporter")),
    referenceMetrics,
  };
}

interface Made {
  readonly parser: RequestParser;
  readonly agent: AgentReader;
  readonly reporter: ResponseReporter;
}

/** @throws {Error} where there is none: the configuration was checked. */
function made<R extends keyof Made>(policies: Policies, name: string, role: R): Made[R] {
  const { spec, type } = policies.find(name);
  const create = type[role] as ((parameters: unknown) => Made[R]) | undefined;
  if (create === undefined) throw new Error(`${name} is no ${role}`);
  return create(spec.parameters);
}

/** The first rule that names a model counts, then the first that names none. */
function toRewrites(specs: readonly ModelRewriteSpec[]): RequestRules["rewriteOf"] {
  const byModel = new Map<string, ModelRewriteSpec>();
  for (const spec of specs) for (const model of spec.models) if (!byModel.has(model)) byModel.set(model, spec);
  const general = specs.find(({ models }) => models.length === 0);
  return (clientModel, random) => {
    const spec = byModel.get(clientModel) ?? general;
    return spec && { rule: spec.name, model: chooseTarget(spec, random) };
  };
}

function chooseTarget({ targets }: ModelRewriteSpec, random: () => number): string {
  let left = random() * targets.reduce((sum, { weight }) => sum + weight, 0);
  for (const { model, weight } of targets) {
    left -= weight;
    if (left < 0) return model;
  }
  // Rounding may leave a rest behind the last one; a weight of 0 is never chosen before it.
  return targets.findLast(({ weight }) => weight > 0)?.model ?? targets[0]!.model;
}
