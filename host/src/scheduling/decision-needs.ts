import {
  type EndpointTable,
  type FactsSettings,
  type FactsSource,
  type Need,
  readsPrompt,
  toFactNeeds,
} from "@outrider/core";
import { type EventNeeds, eventNeedsOf } from "./event-needs.ts";
import type { TargetChoice } from "./model-rewrite.ts";
import type { RequestRules } from "./request-rules.ts";
import { servedModelsOf } from "./served-models.ts";

/** What is computed of requests and read of their responses; kept until the grants or the rules are others. */
export interface DecisionNeeds {
  readonly facts: FactsSettings;
  readonly events: EventNeeds;
}

/** @returns what the current grants and rules come to. */
export function createDecisionNeeds(
  table: Pick<EndpointTable, "current">,
  targets: TargetChoice,
): (granted: readonly Need[], rules: RequestRules) => DecisionNeeds {
  const targetOf = (model: string, source: FactsSource) => targets.targetOf(model, source);
  const adapterOf = (model: string) => (servedModelsOf(table.current).isAdapter(model) ? model : "");
  let known: (DecisionNeeds & { readonly granted: readonly Need[]; readonly rules: RequestRules }) | undefined;
  return (granted, rules) => {
    if (known?.granted !== granted || known.rules !== rules) {
      const { parsers, priorityOf, agents, sessionSources } = rules;
      const agentOf = agents.length === 0 ? undefined : toAgentOf(agents);
      const facts = {
        needs: toFactNeeds(granted),
        parsers,
        targetOf,
        priorityOf,
        sessionSources,
        adapterOf,
        ...(agentOf && { agentOf }),
      };
      known = { granted, rules, facts, events: eventNeedsOf(granted) };
    }
    return known;
  };
}

/** Whether more of a request than its headers counts, so that a body is worth asking for. */
export function readsBodies(granted: readonly Need[], rules: RequestRules): boolean {
  return readsPrompt(toFactNeeds(granted)) || rules.rewritesModels || rules.unknownModels === "refuse";
}

/** The first that tells wins. */
function toAgentOf(agents: RequestRules["agents"]): NonNullable<FactsSettings["agentOf"]> {
  return (source) => {
    const header = (name: string) => source.header(name);
    for (const agent of agents) {
      const name = agent.agentOf(header);
      if (name !== "") return name;
    }
    return "";
  };
}
