import { createRoleFilter, type Stage } from "@outrider/core";
import { z } from "zod";
import { definePolicy, type PolicyType } from "../policy-type.ts";

/** `parameters:` of a filter that has none: what is written is accepted, as in the reference EPP, and ignored. */
const ignoredParameters = z.looseObject({});

/** Filters by what an endpoint does of a request. */
export const roleFilters: readonly PolicyType[] = [
  roleFilter("decode", "Keeps the endpoints that write answers: by label `llm-d.ai/role`, and those without it."),
  roleFilter("prefill", "Keeps the endpoints that compute prompts: by label `llm-d.ai/role`."),
  roleFilter("encode", "Keeps the endpoints that encode images and other parts: by label `llm-d.ai/role`."),
];

function roleFilter(stage: Stage, about: string): PolicyType {
  return definePolicy({
    type: `${stage}-filter`,
    about,
    parameters: ignoredParameters,
    explain: () =>
      `keeps the endpoints whose role says ${stage}${stage === "decode" ? ", and those without a role" : ""}`,
    oddities: (parameters) => Object.keys(parameters).map((name) => ({ path: [name], message: "has no effect" })),
    filter: (name) => createRoleFilter(name, stage),
  });
}
