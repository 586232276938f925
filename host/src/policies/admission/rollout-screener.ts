import { createRolloutScreener, findLabelKeyFault, parseSelectorText } from "@outrider/core";
import { z } from "zod";
import { headerName } from "../common-parameters.ts";
import { definePolicy } from "../policy-type.ts";

const labelKey = z.string().superRefine((key, context) => {
  const fault = findLabelKeyFault(key);
  if (fault !== undefined) context.addIssue({ code: "custom", message: fault });
});

/** A label selector in one line. */
const selectorText = z.string().transform((text, context) => {
  const parsed =
    text.trim() === "" ? { kind: "wrong" as const, fault: "must select something" } : parseSelectorText(text);
  if (parsed.kind === "parsed") return parsed.selector;
  context.addIssue({ code: "custom", message: parsed.fault });
  return z.NEVER;
});

/** A label that requests and responses name by a header. */
const headerSelector = z.strictObject({
  /** Names the selector in metrics. */
  name: z.string().min(1),
  /** Header of request and response. */
  headerName,
  /** Label of the endpoints whose value it has. */
  labelKey,
  /** `strict`: a request only goes where the label has its header's value. `prefer`: the response names the label. */
  mode: z.enum(["strict", "prefer"]),
});

/** How revisions are chosen. */
const revisionGating = z
  .strictObject({
    /** What a revision's share is measured by; `disabled` = none is chosen. */
    mode: z.enum(["sum", "max-role", "disabled"]),
    /** Roles of each of which a revision needs a ready endpoint. */
    requireRoles: z
      .strictObject({
        /** The roles; at least one unless the mode is `disabled`. */
        values: z.array(z.string().min(1)).default([]),
      })
      .prefault({}),
    /** Label of an endpoint's revision. */
    revisionLabelKey: labelKey.default("disaggregatedset.x-k8s.io/revision"),
    /** Label of an endpoint's role in the rollout. */
    roleLabelKey: labelKey.default("disaggregatedset.x-k8s.io/role"),
  })
  .superRefine(({ mode, requireRoles: { values } }, context) => {
    const path = ["requireRoles", "values"];
    const twice = values.find((role, i) => values.indexOf(role) !== i);
    if (twice !== undefined) context.addIssue({ code: "custom", path, message: `names ${twice} twice` });
    if (mode === "disabled" || values.length > 0) return;
    context.addIssue({ code: "custom", path, message: `must name a role with mode: ${mode}` });
  });

/** `parameters:` of a `disaggregatedset-rollout-screener`. */
const rolloutParameters = z
  .strictObject({
    /** Which endpoints make up the rollout. */
    scope: z.strictObject({
      /** A label selector, such as `disaggregatedset.x-k8s.io/name=my-set`. */
      labelSelector: selectorText,
    }),
    revisionGating,
    /** Labels that requests may ask for, and that responses name. */
    headerSelectors: z.array(headerSelector).max(32).default([]),
  })
  .superRefine(({ headerSelectors }, context) => {
    for (const [i, { name }] of headerSelectors.entries()) {
      if (headerSelectors.findIndex((other) => other.name === name) === i) continue;
      context.addIssue({ code: "custom", path: ["headerSelectors", i, "name"], message: `${name} is there already` });
    }
  });

/** Keeps a request within one revision of a rollout. */
export const rolloutScreener = definePolicy({
  type: "disaggregatedset-rollout-screener",
  about:
    "Keeps all parts of a request within one revision of a rollout, chosen by its ready endpoints or named by a header; " +
    "503 where none is complete.",
  parameters: rolloutParameters,
  explain: ({ revisionGating: { mode, requireRoles }, headerSelectors }) => {
    const gating =
      mode === "disabled"
        ? "chooses no revision"
        : `keeps a request within one revision that has ${requireRoles.values.join(" and ")}, chosen by ${mode}`;
    const headers = headerSelectors.map(({ headerName, mode }) => `${headerName} (${mode})`);
    return headers.length === 0 ? gating : `${gating}; heeds and tells ${headers.join(", ")}`;
  },
  screener: (name, { scope, revisionGating: { requireRoles, ...gating }, headerSelectors }) =>
    createRolloutScreener(name, {
      gating: { ...gating, roles: requireRoles.values, scope: scope.labelSelector },
      headerSelectors,
    }),
});
