import { type Need, type NeedKey, OutriderError } from "@outrider/core/contract";
import type { Need as WireNeed } from "@outrider/protos/scorer";
import { grantNeeds } from "./grants.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { RuntimeContext } from "./plugin-link.ts";

/** Keys that only a Session can serve. */
const sessionOnly = (key: string) => key.startsWith("events.") || key === "veto";

/**
 * Decides what a plugin out of process may see, and says in its log what it may not. A first-party type gets no more
 * here than any other.
 * @throws {OutriderError} `PLUGIN_REJECTED` when it cannot work without what it is refused.
 */
export function admitPlugin(
  entry: PluginEntry,
  asked: readonly (NeedKey | Need)[],
  context: Pick<RuntimeContext, "blockSizeTokens">,
): readonly Need[] {
  const { path, grant } = entry.spec;
  const blockSizeTokens = context.blockSizeTokens(entry);
  const { granted, denied } = grantNeeds(asked, { path, grant, trusted: false, blockSizeTokens });
  const missing = denied.filter(({ required }) => required);
  if (missing.length > 0) {
    throw new OutriderError("PLUGIN_REJECTED", missing.map(({ message }) => message).join("; "));
  }
  for (const { message } of denied) entry.log.warn(`not granted: ${message}`);
  const sensitive = granted.filter(({ key }) => grant.some((given) => given.key === key)).map(({ key }) => key);
  if (sensitive.length > 0) entry.log.info({ granted: sensitive }, "granted by the configuration");
  return granted;
}

/** Needs without those that the basic profile has no message for. */
export function basicNeeds(needs: readonly Need[]): readonly Need[] {
  return needs.filter(({ key }) => !sessionOnly(key));
}

/** A need as the handshake carries it. */
export function fromWireNeed({ key, required, maxBytes, names, blockSize }: WireNeed): Need {
  return {
    key: key as NeedKey,
    ...(required ? { required } : {}),
    ...(maxBytes > 0 ? { maxBytes } : {}),
    ...(names.length > 0 ? { names } : {}),
    ...(blockSize > 0 ? { blockSizeTokens: blockSize } : {}),
  };
}

/** The same the other way. */
export function toWireNeed({ key, required, maxBytes, names, blockSizeTokens }: Need) {
  return {
    key,
    required: required === true,
    maxBytes: maxBytes ?? 0,
    names: [...(names ?? [])],
    blockSize: blockSizeTokens ?? 0,
  };
}
