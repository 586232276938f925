import { stringify } from "yaml";

/** An entry of `plugins:`. */
export interface PluginEntry {
  readonly type: string;
  /** Default its type. */
  readonly name?: string;
  readonly parameters?: unknown;
}

/** Sections of a configuration, as they are written. */
export type ConfigSections = Readonly<Record<string, unknown>>;

/** A configuration with wide budgets: a case is about what is decided, not how fast a busy machine is. */
export function toConfigText(sections: ConfigSections): string {
  return stringify({ apiVersion: "outrider.dev/v1alpha1", kind: "EndpointPickerConfig", budget: "2s", ...sections });
}

/** A configuration whose one profile has these plugins in their order. */
export function oneProfile(plugins: readonly PluginEntry[], more: ConfigSections = {}): string {
  const references = plugins.map(({ type, name = type }) => ({ pluginRef: name }));
  return toConfigText({ plugins, schedulingProfiles: [{ name: "default", plugins: references }], ...more });
}
