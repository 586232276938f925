import { type ConfigResult, type HostConfig, loadConfig } from "@outrider/host";
import { plugins } from "outrider/plugins";

/** Types of the plugins that the host comes with. */
export const catalogue = plugins;

/** A fault the loader found. */
export type ConfigFault = Extract<ConfigResult, { kind: "invalid" }>["faults"][number];

/** What the host's own loader finds wrong with a configuration; empty = it loads. */
export async function faultsOf(text: string): Promise<readonly ConfigFault[]> {
  const result = await load(text);
  return result.kind === "invalid" ? result.faults : [];
}

/** Loads a configuration. */
export async function loadText(text: string): Promise<HostConfig> {
  const result = await load(text);
  if (result.kind === "valid") return result.config;
  throw new Error(result.faults.map(({ path, message, hint }) => `${path}: ${message} (${hint})`).join("; "));
}

/** Types of the plugins and policies that a configuration comes to, by name. */
export function pluginTypes({ plugins, policies }: HostConfig): ReadonlyMap<string, string> {
  return new Map([...plugins, ...policies].map(({ name, type }) => [name, type]));
}

function load(text: string): Promise<ConfigResult> {
  return loadConfig({ name: "case", bytes: Buffer.from(text), folder: process.cwd() }, catalogue);
}
