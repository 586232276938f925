import type { OnEmpty } from "@outrider/core";
import type { PolicyType } from "../policies/policy-type.ts";
import type { FaultPath } from "./faults.ts";
import { checkParameters } from "./parameters.ts";
import { reportRefusedParameters } from "./refused-fields.ts";
import type { Reporter } from "./reporter.ts";
import type { PluginEntry } from "./schema.ts";
import type { PolicySpec } from "./types.ts";

/** An entry that is plain code of the host, checked. */
export interface CheckedPolicy {
  readonly kind: "policy";
  readonly spec: PolicySpec;
  readonly type: PolicyType;
  /** What happens where it leaves nothing; means something for a filter alone. */
  readonly onEmpty: OnEmpty;
}

/** Fields that only plugins have. */
const pluginFields = ["module", "placement", "process", "budget", "lastKnownMaxAge", "needs"] as const;

/** Checks what goes beyond the shape of a policy's entry; `undefined` where its parameters are at fault. */
export function resolvePolicy(
  entry: PluginEntry,
  policy: PolicyType,
  path: FaultPath,
  report: Reporter,
): CheckedPolicy | undefined {
  reportMisplaced(entry, policy, path, report);
  if (policy.notice !== undefined) report.warn([...path, "type"], policy.notice);
  const written = entry.parameters ?? {};
  if (reportRefusedParameters(entry.type, written, path, report)) return undefined;
  const parameters = checkParameters(policy.parameters, written, path, report);
  if (!parameters.valid) return undefined;
  for (const { path: inner, message, hint } of policy.oddities?.(parameters.value as never) ?? []) {
    report.warn([...path, "parameters", ...inner], message, hint);
  }
  const spec = { name: entry.name ?? entry.type, type: entry.type, parameters: parameters.value };
  return { kind: "policy", spec, type: policy, onEmpty: entry.onEmpty ?? "fail" };
}

function reportMisplaced(entry: PluginEntry, { type, filter }: PolicyType, path: FaultPath, report: Reporter): void {
  for (const field of pluginFields) {
    if (entry[field] === undefined) continue;
    report.fault([...path, field], `means nothing for ${type}, which is part of the host`, "remove it", "key");
  }
  if (entry.shadow) report.fault([...path, "shadow"], `means nothing for ${type}`, "remove it", "key");
  if (entry.onFailure !== "abstain") {
    report.fault([...path, "onFailure"], `means nothing for ${type}, which does not fail`, "remove it", "key");
  }
  if (entry.onEmpty !== undefined && filter === undefined) {
    report.fault([...path, "onEmpty"], `means nothing for ${type}, which is no filter`, "remove it", "key");
  }
}
