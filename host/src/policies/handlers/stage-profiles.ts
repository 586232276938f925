import { createDisaggProfileHandler, type DisaggOptions, type ProfileHandler } from "@outrider/core";
import type { PolicyRef, PolicyScope } from "../policy-type.ts";
import { findProfile } from "./find-profile.ts";

/** Stages of a request as parameters name them, whichever way. */
export interface StageNames extends Pick<DisaggOptions, "type" | "stageOrder" | "primaryPort"> {
  /** Names of the profiles. */
  readonly decode: string;
  readonly prefill: string;
  readonly encode: string;
  /** Deciders, and where they are named; `undefined` = none is. */
  readonly prefillDecider: PolicyRef | undefined;
  readonly encodeDecider: PolicyRef | undefined;
}

/** What handlers of stages do, however their parameters name those. */
export function byStages<P>(toStages: (parameters: P) => StageNames) {
  return {
    explain: (parameters: P, profiles: readonly string[]) => explainStages(toStages(parameters), profiles),
    refs: (parameters: P) => toDeciderRefs(toStages(parameters)),
    checkProfiles: (parameters: P, profiles: readonly string[]) => checkStages(toStages(parameters), profiles),
    reaches: (parameters: P, profiles: readonly string[]) => reachStages(toStages(parameters), profiles),
    handler: (name: string, parameters: P, scope: PolicyScope) => createStages(name, toStages(parameters), scope),
  };
}

/** The deciders that are named. */
function toDeciderRefs({ prefillDecider, encodeDecider }: StageNames): readonly PolicyRef[] {
  return [prefillDecider, encodeDecider].filter((ref) => ref !== undefined);
}

/** Only decode has to be there: a stage without a profile does not run. */
function checkStages({ decode }: StageNames, profiles: readonly string[]): string | undefined {
  if (profiles.includes(decode)) return undefined;
  return `sends requests where profile ${decode} picks, and there is none: name a profile ${decode}, or write profiles: { decode: ${profiles[0] ?? "its name"} }`;
}

/** Profiles of these that run, in that order: decode, and those that a decider may want. */
function reachStages(stages: StageNames, profiles: readonly string[]): readonly string[] {
  const { decode, prefill, encode, stageOrder, prefillDecider, encodeDecider } = stages;
  const runsPrefill = stageOrder === "prefill-first" || prefillDecider !== undefined;
  const reached = [decode, ...(runsPrefill ? [prefill] : []), ...(encodeDecider === undefined ? [] : [encode])];
  const order = stageOrder === "decode-first" ? [decode, encode, prefill] : [prefill, encode, decode];
  return order.filter((profile) => reached.includes(profile) && profiles.includes(profile));
}

/** What runs of these profiles, in that order, and when. */
function explainStages(stages: StageNames, profiles: readonly string[]): string {
  const { decode, prefill, encode, prefillDecider, encodeDecider, primaryPort } = stages;
  const where = (ref: PolicyRef | undefined) => (ref === undefined ? "" : ` where ${ref.name} wants it`);
  const conditions = new Map([
    [prefill, where(prefillDecider)],
    [encode, where(encodeDecider)],
    [decode, ""],
  ]);
  const steps = reachStages(stages, profiles).map((name) => `${name}${conditions.get(name)}`);
  const port = primaryPort === 0 ? "" : ` on port ${primaryPort}`;
  return `runs ${steps.join(", then ")}, and sends where ${decode} picks${port}`;
}

/** The handler of these stages. @throws {OutriderError} `CONFIG_INVALID` where there is no decode profile. */
function createStages(name: string, stages: StageNames, { profiles, decider }: PolicyScope): ProfileHandler {
  const find = (profile: string) => profiles.find((each) => each.name === profile);
  const toDecider = (ref: PolicyRef | undefined) => ref && decider(ref.name);
  return createDisaggProfileHandler(name, {
    type: stages.type,
    stageOrder: stages.stageOrder,
    decode: findProfile(profiles, stages.decode),
    prefill: find(stages.prefill),
    encode: find(stages.encode),
    prefillDecider: toDecider(stages.prefillDecider),
    encodeDecider: toDecider(stages.encodeDecider),
    primaryPort: stages.primaryPort,
  });
}
