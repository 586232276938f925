import { pathToFileURL } from "node:url";
import { type AnyDefinition, OutriderError } from "@outrider/core/contract";

/**
 * Loads a module and finds what it declares of a type.
 * @param module absolute path or `file:` URL.
 * @throws {OutriderError} `PLUGIN_REJECTED` where it declares no such type; what the module throws as it is.
 */
export async function loadDeclaration(module: string, type: string): Promise<AnyDefinition> {
  const url = module.startsWith("file:") ? module : pathToFileURL(module).href;
  const exported: Readonly<Record<string, unknown>> = await import(url);
  const declared = Object.values(exported).filter(isDeclaration);
  const found = declared.find((definition) => definition.type === type);
  if (found !== undefined) return found;
  const types = [...new Set(declared.map((definition) => definition.type))];
  const instead = types.length === 0 ? "no type at all" : `only ${types.join(", ")}`;
  throw new OutriderError("PLUGIN_REJECTED", `${module} declares no type ${type}, ${instead}`);
}

function isDeclaration(value: unknown): value is AnyDefinition {
  if (typeof value !== "object" || value === null) return false;
  const { kind, type, create } = value as Partial<AnyDefinition>;
  return (kind === "scorer" || kind === "producer") && typeof type === "string" && typeof create === "function";
}
