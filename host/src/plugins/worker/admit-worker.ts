import { type Need, OutriderError } from "@outrider/core/contract";
import { grantNeeds } from "../grants.ts";
import type { PluginEntry } from "../plugin-entry.ts";
import type { Declaration } from "./messages.ts";

/**
 * Decides what a plugin on a thread may see: a built-in type what it asks for, a module what the operator grants.
 * @throws {OutriderError} `PLUGIN_REJECTED` when it cannot work without what it is refused.
 */
export function admitWorker(
  entry: PluginEntry,
  { needs }: Declaration,
  blockSizeTokens: number | undefined,
): readonly Need[] {
  const { path, grant, module } = entry.spec;
  const policy = { path, grant, trusted: module === undefined, blockSizeTokens };
  const { granted, denied } = grantNeeds(needs, policy);
  const missing = denied.filter(({ required }) => required);
  if (missing.length > 0) {
    throw new OutriderError("PLUGIN_REJECTED", missing.map(({ message }) => message).join("; "));
  }
  for (const { message } of denied) entry.log.warn(`not granted: ${message}`);
  return granted;
}
