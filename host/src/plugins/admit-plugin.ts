import { type Need, type NeedKey, OutriderError } from "@outrider/core/contract";
import type { Need as WireNeed } from "@outrider/protos/scorer";
import { isInflightKey } from "@outrider/transport";
import { type DeniedNeed, grantNeeds } from "./grants.ts";
import type { PluginEntry } from "./plugin-entry.ts";
import type { RuntimeContext } from "./plugin-link.ts";
import type { PluginProfile } from "./types.ts";

/** Why a plugin of a profile cannot be sent what it asks for; empty = it can. */
function unsent(key: string, profile: PluginProfile): string {
  if (profile === "basic" && key.startsWith("events."))
    return `${key} needs a handshake: a plugin that knows Score alone is told nothing of its calls' ends`;
  if (profile === "replicated" && isInflightKey(key))
    return `${key} changes with every decision and travels with the calls of a Session: have the plugin serve one`;
  return "";
}

/**
 * Decides what a plugin out of process may see, and says in its log what it may not. A first-party type gets no more
 * here than any other.
 * @throws {OutriderError} `PLUGIN_REJECTED` when it cannot work without what it is refused.
 */
export function admitPlugin(
  entry: PluginEntry,
  asked: readonly (NeedKey | Need)[],
  context: Pick<RuntimeContext, "blockSizeTokens">,
  profile: PluginProfile,
): readonly Need[] {
  const { path, grant } = entry.spec;
  const blockSizeTokens = context.blockSizeTokens(entry);
  const allowed = grantNeeds(asked, { path, grant, trusted: false, blockSizeTokens });
  const granted = allowed.granted.filter(({ key }) => unsent(key, profile) === "");
  const denied = [...allowed.denied, ...toDenied(allowed.granted, profile)];
  const missing = denied.filter(({ required }) => required);
  if (missing.length > 0) {
    throw new OutriderError("PLUGIN_REJECTED", missing.map(({ message }) => message).join("; "));
  }
  for (const { message } of denied) entry.log.warn(`not granted: ${message}`);
  const sensitive = granted.filter(({ key }) => grant.some((given) => given.key === key)).map(({ key }) => key);
  if (sensitive.length > 0) entry.log.info({ granted: sensitive }, "granted by the configuration");
  return granted;
}

/** What is allowed, and does not travel in the profile. */
function toDenied(allowed: readonly Need[], profile: PluginProfile): readonly DeniedNeed[] {
  const denied = allowed.map(({ key, required = false }) => ({ key, required, message: unsent(key, profile) }));
  return denied.filter(({ message }) => message !== "");
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
