import type { HostConfig, ProfileSpec, ScorerPlace } from "../config/types.ts";
import type { PluginSpec } from "../plugins/types.ts";
import { findPolicyType } from "../policies/catalogue.ts";
import { formatParameters } from "./format-parameters.ts";
import type { ExplainedPlugin, ExplainedPolicy, ExplainedProfile, ExplainedScorer } from "./types.ts";

/** A policy of a configuration by its name. */
export function explainPolicy(name: string, { policies, profiles }: HostConfig): ExplainedPolicy {
  const { type, parameters } = policies.find((spec) => spec.name === name)!;
  const policy = findPolicyType(type)!;
  const names = profiles.map((profile) => profile.name);
  const says =
    policy.explain?.(parameters as never, names) ?? `${toClause(policy.about)}${formatParameters(parameters)}`;
  return { name, type, says };
}

/** A sentence as the end of another one. */
function toClause(sentence: string): string {
  return sentence.replace(/^[A-Z](?=[a-z])/, (first) => first.toLowerCase()).replace(/\.$/, "");
}

/** As {@link explainPolicy}, each. */
export function explainPolicies(names: readonly string[], config: HostConfig): readonly ExplainedPolicy[] {
  return names.map((name) => explainPolicy(name, config));
}

/** Producers by wave. */
export function explainProducers({ plugins, waves }: HostConfig): readonly (readonly ExplainedPlugin[])[] {
  return waves.map((wave) => wave.map(({ name, budgetMs }) => ({ ...explainPlugin(name, plugins), budgetMs })));
}

/** All profiles, in the order in which they run; those that nothing leads to behind them. */
export function explainProfiles(config: HostConfig): readonly ExplainedProfile[] {
  const handler = config.policies.find(({ name }) => name === config.handler)!;
  const names = config.profiles.map(({ name }) => name);
  const reached = findPolicyType(handler.type)?.reaches?.(handler.parameters as never, names) ?? names;
  const unreached = names.filter((name) => !reached.includes(name));
  const inOrder = [...reached, ...unreached].map((name) => config.profiles.find((profile) => profile.name === name)!);
  return inOrder.map((profile) => ({
    name: profile.name,
    reached: reached.includes(profile.name),
    filters: profile.filters.map(({ name, onEmpty }) => ({ ...explainPolicy(name, config), onEmpty })),
    scorers: explainScorers(profile, config),
    picker: explainPolicy(profile.picker, config),
  }));
}

function explainScorers({ scorers }: ProfileSpec, { plugins }: HostConfig): readonly ExplainedScorer[] {
  const counting = scorers.reduce((sum, { weight, shadow }) => sum + (shadow ? 0 : weight), 0);
  return scorers.map(({ name, weight, budgetMs, onFailure, shadow }: ScorerPlace) => ({
    ...explainPlugin(name, plugins),
    weight,
    share: shadow ? 0 : weight / counting,
    budgetMs,
    shadow,
    onFailure,
  }));
}

function explainPlugin(wanted: string, plugins: readonly PluginSpec[]): ExplainedPlugin {
  const { name, type, placement, process, budgetMs } = plugins.find((spec) => spec.name === wanted)!;
  return { name, type, placement, ...(process === undefined ? {} : { process }), budgetMs };
}
