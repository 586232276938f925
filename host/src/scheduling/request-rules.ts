import {
  createModelRewrites,
  createRequestParsers,
  createSessions,
  type ModelRewrites,
  type RequestParser,
  type RequestParsers,
  type SaturationDetector,
  type Screener,
  type SessionSource,
  type Sessions,
} from "@outrider/core";
import type { RequestSpec } from "../config/types.ts";
import type { Policies } from "../policies/create-policies.ts";
import type { AgentReader, ResponseReporter } from "../policies/policy-type.ts";

/** What a configuration says of requests before and beside the cycle; one generation of it. */
export interface RequestRules {
  readonly parsers: RequestParsers;
  /** Priority of an objective; 0 for one that is not known. */
  priorityOf(objective: string): number;
  /** Tells the model to ask for; `undefined` = the client's, or what its headers say. */
  readonly rewriteOf: ModelRewrites;
  /** Whether there are rules that rewrite models, so that any body may change. */
  readonly rewritesModels: boolean;
  readonly unknownModels: "route" | "refuse";
  readonly detector: SaturationDetector;
  readonly screeners: readonly Screener[];
  readonly agents: readonly AgentReader[];
  readonly reporters: readonly ResponseReporter[];
  /** Where the key of a session stands, the first that is there wins. */
  readonly sessionSources: readonly SessionSource[];
  /** How sessions get back to their endpoints; `undefined` = nobody asks for it. */
  readonly sessions: Sessions | undefined;
  /** Whether metrics under the reference EPP's names are kept. */
  readonly referenceMetrics: boolean;
}

/**
 * The rules of a configuration, whose policies are made or go on as `policies` has it.
 * @param before rules whose sessions stay where they are; default nothing is known of sessions yet.
 */
export function createRequestRules(requests: RequestSpec, policies: Policies, before?: RequestRules): RequestRules {
  const { objectives, modelRewrites, unknownModels, sessionSources, sessions, referenceMetrics } = requests;
  const priorities = new Map(objectives.map(({ name, priority }) => [name, priority]));
  return {
    parsers: createRequestParsers(requests.parsers.map((name) => made(policies, name, "parser"))),
    priorityOf: (objective) => priorities.get(objective) ?? 0,
    rewriteOf: createModelRewrites(modelRewrites),
    rewritesModels: modelRewrites.length > 0,
    unknownModels,
    detector: policies.get("detector", requests.detector),
    screeners: requests.screeners.map((name) => policies.get("screener", name)),
    agents: requests.agents.map((name) => made(policies, name, "agent")),
    reporters: requests.reporters.map((name) => made(policies, name, "reporter")),
    sessionSources,
    sessions: sessions && createSessions(sessions, before?.sessions),
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
