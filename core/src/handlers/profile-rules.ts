import type { CycleFacts, Profile, ProfileHandler } from "../cycle/types.ts";
import { headerOf } from "./request-header.ts";

/** Bounds of a number, both included; an absent one bounds nothing. */
export interface Bounds {
  readonly min?: number | undefined;
  readonly max?: number | undefined;
}

/** What a request must be like; all that is said must hold, and nothing said holds for every request. */
export interface RuleConditions {
  /** Models asked for, as they are asked of the model server. */
  readonly models?: readonly string[] | undefined;
  /** Objectives that the request names. */
  readonly objectives?: readonly string[] | undefined;
  /** Priority of the objective. */
  readonly priority?: Bounds | undefined;
  /** Tokens of the prompt. */
  readonly promptTokens?: Bounds | undefined;
  /** Request header in any case, and values of it; no values: it must be there. */
  readonly header?: { readonly name: string; readonly values?: readonly string[] | undefined } | undefined;
}

/** Profile of the requests that a rule fits. */
export interface ProfileRule {
  readonly profile: Profile;
  readonly when: RuleConditions;
}

/** Runs the profile of the first rule that fits the request. @param otherwise profile of requests that none fits. */
export function createProfileRules(name: string, rules: readonly ProfileRule[], otherwise: Profile): ProfileHandler {
  return {
    name,
    type: "profile-rules",
    ownHeaders: [],
    primaryOf: (ran) => ran[0]?.name ?? "",
    next({ facts, profiles }) {
      if (profiles.length > 0) return undefined;
      return rules.find(({ when }) => fits(facts, when))?.profile ?? otherwise;
    },
  };
}

function fits(facts: CycleFacts, { models, objectives, priority, promptTokens, header }: RuleConditions): boolean {
  return (
    (models?.includes(facts.model) ?? true) &&
    (objectives?.includes(facts.objective) ?? true) &&
    (priority === undefined || isWithin(facts.priority, priority)) &&
    (promptTokens === undefined || isWithin(facts.promptTokens, promptTokens)) &&
    (header === undefined || hasHeader(facts, header))
  );
}

function isWithin(value: number, { min = -Infinity, max = Infinity }: Bounds): boolean {
  return value >= min && value <= max;
}

function hasHeader(facts: CycleFacts, { name, values }: NonNullable<RuleConditions["header"]>): boolean {
  const value = headerOf(facts, name.toLowerCase());
  return value !== undefined && (values?.includes(value) ?? true);
}
