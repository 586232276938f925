import type { RewriteTarget } from "@outrider/core";
import { readDocument } from "../config/document.ts";
import { isMap, listOf, nameOf } from "../config/plain.ts";
import type { HostConfig } from "../config/types.ts";
import type { PluginCatalogue } from "../plugins/types.ts";
import { findPolicyType } from "../policies/catalogue.ts";
import { explainPolicies, explainPolicy, explainProducers, explainProfiles } from "./explain-profiles.ts";
import { explainObservation, explainPages, explainReads, isOfPrompt, withoutSource } from "./explain-reads.ts";
import { collectReaders } from "./readers.ts";
import type { ExplainedRequests, Explanation } from "./types.ts";

/** Explains a checked configuration. Loads the declarations of the built-in types that it names. */
export async function explainConfig(config: HostConfig, catalogue: PluginCatalogue): Promise<Explanation> {
  const { readers, untold } = await collectReaders(config, catalogue);
  const reads = explainReads(readers);
  return {
    file: config.source.name,
    budgetMs: config.budgetMs,
    handler: explainPolicy(config.handler, config),
    deciders: explainPolicies(
      config.policies.filter(({ type }) => findPolicyType(type)?.decider !== undefined).map(({ name }) => name),
      config,
    ),
    producers: explainProducers(config),
    admitters: explainPolicies(config.admitters, config),
    profiles: explainProfiles(config),
    requests: explainRequests(config),
    prompt: withoutSource(reads.filter(isOfPrompt)),
    reads: withoutSource(reads.filter((read) => read.source !== "scraped" && !isOfPrompt(read))),
    ...explainObservation(config, readers),
    pages: explainPages(config, reads),
    untold,
    added: addedTo(config),
  };
}

function explainRequests(config: HostConfig): ExplainedRequests {
  const { requests } = config;
  const modelRewrites = requests.modelRewrites.map(({ targets, ...rule }) => {
    const isWeighted = targets.some(({ weight = 0 }) => weight > 0);
    const weightOf = ({ weight = 0 }: RewriteTarget) => (isWeighted ? weight : 1);
    const sum = targets.reduce((total, target) => total + weightOf(target), 0);
    return { ...rule, targets: targets.map((target) => ({ model: target.model, share: weightOf(target) / sum })) };
  });
  return {
    parsers: explainPolicies(requests.parsers, config),
    objectives: requests.objectives,
    modelRewrites,
    unknownModels: requests.unknownModels,
    detector: explainPolicy(requests.detector, config),
    screeners: explainPolicies(requests.screeners, config),
    agents: explainPolicies(requests.agents, config),
    sessions: requests.sessions?.pinned ?? [],
    reporters: explainPolicies(requests.reporters, config),
  };
}

/** What stands in the checked configuration and not in its text; fallbacks are in the text of their scorers. */
function addedTo({ source, plugins, policies }: HostConfig): Explanation["added"] {
  const written = readDocument(source.text).value;
  const entries = isMap(written) ? listOf(written.plugins) : [];
  const names = new Set(entries.map((entry) => nameOf(entry) ?? (isMap(entry) ? entry.type : undefined)));
  const isAdded = ({ name }: { readonly name: string }) => !names.has(name) && !name.endsWith("/fallback");
  return [...plugins, ...policies].filter(isAdded).map(({ name, type }) => ({ name, type }));
}
