import { columnKeys, dataKeys, type Need, type NeedKey, needKeys } from "@outrider/core/contract";
import type { FaultPath } from "./faults.ts";
import { didYouMean } from "./nearest.ts";
import type { Reporter } from "./reporter.ts";
import type { NeedEntry } from "./schema.ts";

const knownKeys = [...Object.keys(columnKeys), ...Object.keys(dataKeys), ...Object.keys(needKeys)];
const openKey = /^(metric|rate)\.[\p{L}_:][\p{L}\p{N}_:.-]*$/u;

/** Whether something of that name can be asked for. */
export function isNeedKey(key: string): key is NeedKey {
  return knownKeys.includes(key) || openKey.test(key);
}

/** Whether only the operator can grant a key. */
export function isOperatorKey(key: string): boolean {
  return Object.hasOwn(needKeys, key) && needKeys[key as keyof typeof needKeys].grant === "operator";
}

/** Checks `needs:`; faulty entries are left out of what it returns. */
export function checkNeeds(entries: readonly NeedEntry[], path: FaultPath, report: Reporter): readonly Need[] {
  return entries.flatMap((entry, i) => checkNeed(entry, [...path, i], report));
}

/** Checks `grant:`; faulty entries are left out of what it returns. */
export function checkGrant(entries: readonly NeedEntry[], path: FaultPath, report: Reporter): readonly Need[] {
  return entries.flatMap((entry, i) => {
    const needs = checkNeed(entry, [...path, i], report);
    if (needs.length > 0 && !isOperatorKey(entry.key)) {
      report.warn([...path, i], `${entry.key} needs no grant`, "remove it: a plugin gets it by asking");
    }
    return needs;
  });
}

function checkNeed(entry: NeedEntry, path: FaultPath, report: Reporter): readonly Need[] {
  const { key, names, maxBytes, blockSize } = entry;
  if (!isNeedKey(key)) {
    report.fault(path, `there is no key ${key}`, didYouMean(key, knownKeys));
    return [];
  }
  checkConditions(entry, path, report);
  return [
    {
      key,
      ...(names === undefined ? {} : { names: names.map((name) => (isHeaders(key) ? name.toLowerCase() : name)) }),
      ...(maxBytes === undefined ? {} : { maxBytes }),
      ...(blockSize === undefined ? {} : { blockSizeTokens: blockSize }),
    },
  ];
}

/** Conditions belong to certain keys, and headers are only granted by name. */
function checkConditions({ key, names, maxBytes, blockSize }: NeedEntry, path: FaultPath, report: Reporter): void {
  if (isHeaders(key) && (names === undefined || names.length === 0)) {
    report.fault(path, `${key} is only given by name`, `write { key: ${key}, names: [x-name] }`);
  }
  for (const [i, name] of (names ?? []).entries()) {
    if (name.includes("*")) report.fault([...path, "names", i], `"${name}" is a wildcard`, "name each one");
  }
  const misplaced = [
    { field: "names", given: names, allowed: isHeaders(key) || key === "endpoint.labels" || key === "endpoint.sets" },
    { field: "maxBytes", given: maxBytes, allowed: key === "request.prompt_text" || key === "request.token_ids" },
    { field: "blockSize", given: blockSize, allowed: key === "request.block_hashes" },
  ];
  for (const { field, given, allowed } of misplaced) {
    if (given === undefined || allowed) continue;
    report.fault([...path, field], `means nothing for ${key}`, "remove it", "key");
  }
}

function isHeaders(key: string): boolean {
  return key === "request.headers" || key === "events.headers";
}
