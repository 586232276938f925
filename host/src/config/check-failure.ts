import { defaultLastScoresMs } from "@outrider/core";
import type { AnyDefinition, Need } from "@outrider/core/contract";
import type { PluginSpec } from "../plugins/types.ts";
import { type FaultPath, formatPath, quote } from "./faults.ts";
import { didYouMean } from "./nearest.ts";
import type { Reporter } from "./reporter.ts";
import type { PluginEntry } from "./schema.ts";
import type { PluginScope } from "./scope.ts";
import type { FailureSpec } from "./types.ts";

/** A scorer that the host asks where another one has brought nothing. */
export interface Fallback {
  readonly spec: PluginSpec;
  /** What its type asks for. */
  readonly asks: readonly Need[];
}

/** What a missing answer counts as, and the scorer that is asked then, if one is. */
export interface CheckedFailure {
  readonly onFailure: FailureSpec;
  readonly fallback: Fallback | undefined;
}

const plain = ["abstain", "neutral", "fail_request"] as const;
const policies = [...plain, "last_known", "inline:TYPE"];
const inlinePrefix = "inline:";
const abstain: CheckedFailure = { onFailure: { kind: "abstain" }, fallback: undefined };

/** Checks `onFailure:` and what goes with it; a faulty one counts as `abstain`. */
export async function checkFailurePolicy(
  entry: PluginEntry,
  path: FaultPath,
  scope: PluginScope,
  report: Reporter,
): Promise<CheckedFailure> {
  const { onFailure: written, lastKnownMaxAge, shadow } = entry;
  if (lastKnownMaxAge !== undefined && written !== "last_known") {
    report.fault([...path, "lastKnownMaxAge"], "stands without onFailure: last_known", "remove it", "key");
  }
  if (shadow) {
    const message = "means nothing for a shadow scorer, which counts for nothing anyway";
    if (written !== "abstain") report.warn([...path, "onFailure"], message, "remove it", "key");
    return abstain;
  }
  if (written.startsWith(inlinePrefix)) return checkInline(entry, path, scope, report);
  if (written === "last_known") {
    return { onFailure: { kind: "last_known", maxAgeMs: lastKnownMaxAge ?? defaultLastScoresMs }, fallback: undefined };
  }
  const kind = plain.find((each) => each === written);
  if (kind === undefined) {
    const hint = didYouMean(written, policies) || "write abstain: the other scorers decide";
    report.fault([...path, "onFailure"], `must be ${policies.join(" or ")}, is ${quote(written)}`, hint);
    return abstain;
  }
  if (kind === "fail_request") warnRefusals(entry, path, report);
  return { onFailure: { kind }, fallback: undefined };
}

function warnRefusals({ name, type }: PluginEntry, path: FaultPath, report: Reporter): void {
  const message = `requests are refused with 503 whenever ${name ?? type} is late, fails or is down`;
  report.warn([...path, "onFailure"], message, "any other onFailure lets them go on without it");
}

async function checkInline(
  entry: PluginEntry,
  path: FaultPath,
  { catalogue, budgets }: PluginScope,
  report: Reporter,
): Promise<CheckedFailure> {
  const at = [...path, "onFailure"];
  const type = entry.onFailure.slice(inlinePrefix.length);
  if (!Object.hasOwn(catalogue, type)) {
    const hint = didYouMean(type, Object.keys(catalogue)) || "name one of Outrider's own scorers";
    report.fault(at, `there is no built-in plugin type ${quote(type)}`, hint);
    return abstain;
  }
  const definition = await catalogue[type]!.load();
  const fault = unfit(definition);
  if (fault !== undefined) {
    report.fault(at, `${type} ${fault}`, "name another scorer of Outrider's");
    return abstain;
  }
  const spec = toFallback(entry, type, budgets.scorerMs, formatPath(at));
  const asks = definition.needs.map((need) => (typeof need === "string" ? { key: need } : need));
  return { onFailure: { kind: "inline", scorer: spec.name }, fallback: { spec, asks } };
}

/** Why a type cannot stand in for a scorer. */
function unfit(definition: AnyDefinition): string | undefined {
  if (definition.kind !== "scorer") return "is a producer, and gives no scores";
  return definition.config.safeParse({}).success ? undefined : "needs parameters, which a fallback cannot have";
}

function toFallback(entry: PluginEntry, type: string, budgetMs: number, path: string): PluginSpec {
  return {
    name: `${entry.name ?? entry.type}/fallback`,
    type,
    placement: "inline",
    process: undefined,
    parameters: undefined,
    budgetMs,
    needs: undefined,
    grant: [],
    required: false,
    path,
  };
}
