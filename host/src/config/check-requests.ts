import type { Need } from "@outrider/core";
import type { PolicyRole } from "../policies/policy-type.ts";
import { checkDetector } from "./check-detector.ts";
import { checkParsers } from "./check-parsers.ts";
import { checkObjectives, checkRewrites } from "./check-rewrites.ts";
import { checkSessions } from "./check-sessions.ts";
import type { DefaultPolicies } from "./default-policies.ts";
import { type Entries, withRole } from "./entries.ts";
import { listOf } from "./plain.ts";
import type { Reporter } from "./reporter.ts";
import { salvage } from "./salvage.ts";
import { endpointPickerConfig } from "./schema.ts";
import { modelRewriteEntry, objectiveEntry } from "./schema-requests.ts";
import type { ProfileSpec, RequestSpec } from "./types.ts";

const { shape } = endpointPickerConfig;

/**
 * Checks what is said of requests before and beside the cycle.
 * @param root the configuration, its shape reported.
 */
export function checkRequests(
  root: Readonly<Record<string, unknown>>,
  entries: Entries,
  defaults: DefaultPolicies,
  profiles: readonly ProfileSpec[],
  report: Reporter,
): RequestSpec {
  const { parsers = [] } = salvage(shape.requestHandler, root.requestHandler) ?? {};
  const parser = salvage(shape.parser, root.parser);
  const flowControl = salvage(shape.flowControl, root.flowControl);
  const older = salvage(shape.saturationDetector, root.saturationDetector);
  const objectives = listOf(root.objectives).map((item) => salvage(objectiveEntry, item));
  const rewrites = listOf(root.modelRewrites).map((item) => modelRewriteEntry.safeParse(item).data);
  const { sources: sessionSources, pinned: sessions } = checkSessions(
    entries,
    profiles.map(({ name }) => name),
    report,
  );
  return {
    parsers: checkParsers({ parsers, parser }, entries, defaults, report),
    objectives: checkObjectives(objectives, report),
    modelRewrites: checkRewrites(rewrites, report),
    unknownModels: salvage(shape.unknownModels, root.unknownModels) ?? "route",
    detector: checkDetector(flowControl?.saturationDetector, older, entries, defaults, report),
    screeners: namesOf(entries, "screener"),
    agents: namesOf(entries, "agent"),
    reporters: namesOf(entries, "reporter"),
    sessionSources,
    sessions,
    referenceMetrics: salvage(shape.referenceMetrics, root.referenceMetrics) ?? true,
  };
}

/** Names of all policies that can be something, in the order of the configuration. */
export function namesOf(entries: Entries, role: PolicyRole): readonly string[] {
  return withRole(entries, role).map(({ name }) => name);
}

/** What rules of requests read of the endpoints. */
export function needsOfRules({ unknownModels }: RequestSpec): readonly Need[] {
  return unknownModels === "refuse" ? [{ key: "endpoint.sets", names: ["models"] }] : [];
}
