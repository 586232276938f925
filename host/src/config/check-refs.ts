import { findPolicyType } from "../policies/catalogue.ts";
import { type Entries, findPolicy, pluginsOf, policiesOf } from "./entries.ts";
import { type FaultPath, quote } from "./faults.ts";
import { defaultProducers } from "./implied-producers.ts";
import { didYouMean } from "./nearest.ts";
import { isMap } from "./plain.ts";
import type { Reporter } from "./reporter.ts";

/** Checks what parameters refer to; names of the policies that are. */
export function checkRefs(entries: Entries, report: Reporter): ReadonlySet<string> {
  const named = new Set<string>();
  for (const { index, type, spec } of policiesOf(entries)) {
    for (const { path, name, role } of type.refs?.(spec.parameters as never) ?? []) {
      if (role === "implied" && isProducer(name, entries)) continue;
      const found = findPolicy(name, role, ["plugins", index, "parameters", ...path], entries, report);
      if (found !== undefined) named.add(found.name);
    }
  }
  for (const { index, spec } of pluginsOf(entries)) {
    checkProducers(spec.parameters, ["plugins", index, "parameters"], entries, report);
  }
  return named;
}

/** Parameters of the reference EPP's scorers and producers say in fields of one form which producer they read. */
const producerField = /^[a-zA-Z]*ProducerName$/;
/** The one of that form that names a part of the data layer. */
const topologyField = "topologyProducerName";

function checkProducers(parameters: unknown, path: FaultPath, entries: Entries, report: Reporter): void {
  if (!isMap(parameters)) return;
  for (const [field, name] of Object.entries(parameters)) {
    if (!producerField.test(field) || typeof name !== "string" || name === "") continue;
    if (field === topologyField) findPolicy(name, "data", [...path, field], entries, report);
    else if (isProducer(name, entries)) continue;
    else if (entries.has(name)) report.fault([...path, field], `${name} is no producer`);
    else {
      const hint = didYouMean(name, entries.keys()) || "declare it under plugins:, or remove this";
      report.fault([...path, field], `there is no producer named ${quote(name)}`, hint);
    }
  }
}

/** Whether a name is that of a type that the host stands for although nobody wrote it down. */
function isAlwaysThere(name: string, entries: Entries): boolean {
  return !entries.has(name) && findPolicyType(name)?.implied === true;
}

/** Whether a name is that of a producer, of what the host stands in for, or of one that is added by itself. */
function isProducer(name: string, entries: Entries): boolean {
  const entry = entries.get(name);
  if (entry === undefined) return defaultProducers.has(name) || isAlwaysThere(name, entries);
  if (entry.kind === "plugin") return entry.role === "producer";
  return entry.kind === "faulty" || entry.type.implied === true;
}
