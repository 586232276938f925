import type { PolicyRole } from "../policies/policy-type.ts";
import type { ResolvedEntry } from "./check-plugins.ts";
import type { DefaultPolicies } from "./default-policies.ts";
import type { RequestSpec } from "./types.ts";

type Entries = ReadonlyMap<string, ResolvedEntry>;

/** Parsers where the configuration names none, as in the reference EPP. */
export const defaultParsers = ["openai-parser", "anthropic-parser", "vllmhttp-parser", "passthrough-parser"] as const;

/** Detector where the configuration names none. */
export const defaultDetector = "utilization-detector";

/** Checks what is said of requests before and beside the cycle. */
export function checkRequests(entries: Entries, defaults: DefaultPolicies): RequestSpec {
  return {
    parsers: defaultParsers.map(defaults.take),
    objectives: [],
    modelRewrites: [],
    unknownModels: "route",
    detector: defaults.take(defaultDetector),
    screeners: namesOf(entries, "screener"),
    agents: namesOf(entries, "agent"),
    reporters: namesOf(entries, "reporter"),
    referenceMetrics: true,
  };
}

/** Names of all policies that can be something, in the order of the configuration. */
export function namesOf(entries: Entries, role: PolicyRole): readonly string[] {
  return [...entries.values()].flatMap((entry) =>
    entry.kind === "policy" && entry.type[role] !== undefined ? [entry.name] : [],
  );
}
