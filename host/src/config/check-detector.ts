import type { DefaultPolicies } from "./default-policies.ts";
import { type Entries, findPolicy } from "./entries.ts";
import type { Reporter } from "./reporter.ts";

type Ref = { readonly pluginRef: string } | undefined;

/** Detector where the configuration names none, as in the reference EPP. */
const defaultDetector = "utilization-detector";

/**
 * Name of the saturation detector.
 * @param ref `flowControl.saturationDetector:`. @param older `saturationDetector:`, its older place.
 */
export function checkDetector(
  ref: Ref,
  older: Ref,
  entries: Entries,
  defaults: DefaultPolicies,
  report: Reporter,
): string {
  if (older !== undefined) {
    const message =
      ref === undefined ? "is an older place" : "is not read, since flowControl.saturationDetector is there";
    const hint = ref === undefined ? "write flowControl: { saturationDetector: ... }" : "remove it";
    report.warn(["saturationDetector"], message, hint, "key");
  }
  const named = ref ?? older;
  if (named === undefined) return defaults.take(defaultDetector);
  const at = ref === undefined ? ["saturationDetector"] : ["flowControl", "saturationDetector"];
  const entry = findPolicy(named.pluginRef, "detector", [...at, "pluginRef"], entries, report);
  return entry?.name ?? named.pluginRef;
}
