import { type FaultPath, quote } from "./faults.ts";
import { didYouMean } from "./nearest.ts";
import type { Reporter } from "./reporter.ts";

const gates = ["flowControl", "haPopulateNonLeaderDatastore"];

/** Checks `featureGates:`, each `gate` or `gate=true|false`. */
export function checkGates(written: readonly string[], report: Reporter): void {
  for (const [i, text] of written.entries()) checkGate(text, ["featureGates", i], report);
}

function checkGate(text: string, path: FaultPath, report: Reporter): void {
  const [gate = "", value = "true", more] = text.split("=");
  if (!gates.includes(gate)) {
    report.fault(path, `there is no feature gate ${quote(gate)}`, didYouMean(gate, gates) || "remove it");
  } else if (more !== undefined || !/^(true|false)$/i.test(value)) {
    report.fault(path, `must be ${gate}=true or ${gate}=false, is ${quote(text)}`);
  } else if (gate === "flowControl" && value.toLowerCase() === "true") {
    const remedy = "remove it: name priorities under objectives:; those below 0 are refused while endpoints are full";
    report.fault(path, "flowControl is not available: requests are never queued", remedy);
  } else if (gate === "haPopulateNonLeaderDatastore") {
    report.note(path, "haPopulateNonLeaderDatastore has no effect: every replica knows all endpoints");
  }
}
