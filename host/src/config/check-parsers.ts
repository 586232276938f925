import type { DefaultPolicies } from "./default-policies.ts";
import { type Entries, findPolicy, type PolicyEntry } from "./entries.ts";
import { type FaultPath, quote } from "./faults.ts";
import type { Reporter } from "./reporter.ts";

/** Parsers where the configuration names none, as in the reference EPP. */
const defaultParsers = ["openai-parser", "anthropic-parser", "vllmhttp-parser", "passthrough-parser"] as const;

/** What the configuration says of parsers, its shape checked. */
export interface WrittenParsers {
  /** `requestHandler.parsers:`. */
  readonly parsers: readonly { readonly pluginRef: string }[];
  /** `parser:`, the older form. */
  readonly parser: { readonly pluginRef: string } | undefined;
}

/** Names of the parsers that are asked, in the order of the configuration. */
export function checkParsers(
  { parsers, parser }: WrittenParsers,
  entries: Entries,
  defaults: DefaultPolicies,
  report: Reporter,
): readonly string[] {
  if (parser !== undefined) warnOlderForm(parsers.length > 0, report);
  const refs = parsers.map((ref, i) => ({ ...ref, at: ["requestHandler", "parsers", i] as FaultPath }));
  if (parser !== undefined && refs.length === 0) refs.push({ ...parser, at: ["parser"] });
  if (refs.length === 0) return defaultParsers.map(defaults.take);
  const found = refs.flatMap(({ pluginRef, at }) => {
    const entry = findPolicy(pluginRef, "parser", [...at, "pluginRef"], entries, report);
    return entry === undefined ? [] : [{ entry, at }];
  });
  reportRepeated(found, report);
  return untilCatchAll(found, report);
}

type Found = { readonly entry: PolicyEntry; readonly at: FaultPath };

function warnOlderForm(hasNewer: boolean, report: Reporter): void {
  const message = hasNewer ? "is not read, since requestHandler.parsers is there" : "is an older form";
  report.warn(["parser"], message, hasNewer ? "remove it" : "write requestHandler: { parsers: [...] }", "key");
}

function reportRepeated(found: readonly Found[], report: Reporter): void {
  const types = new Map<string, PolicyEntry>();
  for (const { entry, at } of found) {
    const first = types.get(entry.spec.type);
    if (first === undefined) types.set(entry.spec.type, entry);
    else report.fault(at, `${quote(entry.name)} reads the same requests as ${first.name}`, "keep one of them");
  }
}

/** A parser that claims every path is the last one that is asked. */
function untilCatchAll(found: readonly Found[], report: Reporter): readonly string[] {
  const last = found.findIndex(({ entry }) => entry.type.parser?.().suffixes.length === 0);
  if (last < 0) return found.map(({ entry }) => entry.name);
  for (const { entry, at } of found.slice(last + 1)) {
    report.warn(
      at,
      `${entry.name} is never asked: ${found[last]!.entry.name} reads all that comes to it`,
      "move it up",
    );
  }
  return found.slice(0, last + 1).map(({ entry }) => entry.name);
}
