import { type Bounds, createProfileRules, type RuleConditions } from "@outrider/core";
import { z } from "zod";
import { headerName } from "../common-parameters.ts";
import { definePolicy } from "../policy-type.ts";
import { findProfile } from "./find-profile.ts";

const names = z.array(z.string()).min(1);

/** Bounds, both included. */
const boundsOf = (number: z.ZodInt) =>
  z
    .strictObject({
      /** Least value that fits; absent = any. */
      min: number.optional(),
      /** Greatest value that fits; absent = any. */
      max: number.optional(),
    })
    .refine(({ min, max }) => min !== undefined || max !== undefined, "needs min, max or both")
    .refine(({ min = -Infinity, max = Infinity }) => min <= max, { path: ["max"], error: "must not be below min" });

/** What a request must be like; all that is said must hold. */
const conditions = z
  .strictObject({
    /** Models asked for, exactly, as they are asked of the model server. */
    models: names.optional(),
    /** Objectives that the request names. */
    objectives: names.optional(),
    /** Priority of the request's objective. */
    priority: boundsOf(z.int()).optional(),
    /** Tokens of the prompt, estimated where nobody tokenises. */
    promptTokens: boundsOf(z.int().min(0)).optional(),
    /** A request header: it must be there, with one of the values where some are given. */
    header: z
      .strictObject({
        /** Name of the header, in any case. */
        name: headerName,
        /** Values that fit, exactly; absent = any. */
        values: names.optional(),
      })
      .optional(),
  })
  .refine((when) => Object.values(when).some((condition) => condition !== undefined), {
    error: "says nothing: name models, objectives, priority, promptTokens or header, or write it as default",
  });

/** A profile, and which requests it is for. */
const rule = z.strictObject({
  /** Profile that runs. */
  profile: z.string().min(1),
  /** What the request must be like. */
  when: conditions,
});

/** `parameters:` of `profile-rules`. */
const profileRulesParameters = z.strictObject({
  /** The first that fits a request decides. */
  rules: z.array(rule).min(1),
  /** Profile of the requests that no rule fits. */
  default: z.string().min(1),
});

/** Chooses the profile by what is asked for, how urgently and how much. */
export const profileRules = definePolicy({
  type: "profile-rules",
  about: "Runs the profile of the first rule that fits: by model, objective, priority, size of the prompt or a header.",
  parameters: profileRulesParameters,
  explain: ({ rules, default: otherwise }) =>
    `runs ${rules.map(({ profile, when }) => `${profile} where ${explainConditions(when)}`).join(", else ")}, else ${otherwise}`,
  needs: ({ rules }) => {
    const headers = new Set(rules.flatMap(({ when }) => when.header?.name ?? []));
    return headers.size === 0 ? [] : [{ key: "request.headers", names: [...headers] }];
  },
  checkProfiles: ({ rules, default: otherwise }, profiles) => {
    const named = new Set([...rules.map(({ profile }) => profile), otherwise]);
    const missing = [...named].filter((name) => !profiles.includes(name));
    return missing.length === 0
      ? undefined
      : `names ${missing.join(", ")}, which is no profile: write one of ${profiles.join(", ")}, or add it to schedulingProfiles`;
  },
  reaches: ({ rules, default: otherwise }, profiles) =>
    profiles.filter((name) => name === otherwise || rules.some(({ profile }) => profile === name)),
  handler: (name, { rules, default: otherwise }, { profiles }) =>
    createProfileRules(
      name,
      rules.map(({ profile, when }) => ({ profile: findProfile(profiles, profile), when })),
      findProfile(profiles, otherwise),
    ),
});

function explainConditions({ models, objectives, priority, promptTokens, header }: RuleConditions): string {
  const said = [
    models && `the model is ${models.join(" or ")}`,
    objectives && `the objective is ${objectives.join(" or ")}`,
    priority && `the priority is ${explainBounds(priority)}`,
    promptTokens && `the prompt has ${explainBounds(promptTokens)} tokens`,
    header && `header ${header.name} is ${header.values?.join(" or ") ?? "there"}`,
  ];
  return said.filter(Boolean).join(" and ");
}

function explainBounds({ min, max }: Bounds): string {
  if (min !== undefined && max !== undefined) return min === max ? `${min}` : `${min} to ${max}`;
  return min === undefined ? `at most ${max}` : `at least ${min}`;
}
