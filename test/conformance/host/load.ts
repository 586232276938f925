import { type ConfigResult, createPolicies, type HostConfig, loadConfig } from "@outrider/host";
import { plugins } from "outrider/plugins";
import { NotApplicable } from "../verdict.ts";
import { type PluginEntry, toConfigText } from "./config-text.ts";

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

/** Faults that are about a plugin's type. */
export function typeFaults(faults: readonly ConfigFault[]): readonly ConfigFault[] {
  return faults.filter(({ path }) => /^plugins\[\d+\]\.type$/.test(path));
}

/** The case needs types that the loader refuses, for good or for now; the loader says why. */
export function refusedTypes(faults: readonly ConfigFault[]): NotApplicable {
  const messages = [...new Set(faults.map(({ message }) => message))];
  return new NotApplicable("plugin types", messages.join("; "));
}

/** What the loader says against a type; `undefined` where the host has it. */
export async function refusalOf(type: string): Promise<ConfigFault | undefined> {
  return typeFaults(await faultsOf(ofOne({ type })))[0];
}

/** Whether a type names what the host always does, so that nothing is made of it. */
export async function isImplied(type: string): Promise<boolean> {
  const text = ofOne({ type });
  if ((await faultsOf(text)).length > 0) return false;
  const { policies } = await loadText(text);
  return policies.some((spec) => spec.type === type) && createPolicies(policies).find(type).type.implied === true;
}

function ofOne(entry: PluginEntry): string {
  return toConfigText({ plugins: [entry] });
}

function load(text: string): Promise<ConfigResult> {
  return loadConfig({ name: "case", bytes: Buffer.from(text), folder: process.cwd() }, catalogue);
}
