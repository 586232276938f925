import { createRequire } from "node:module";
import type { PluginCatalogue } from "@outrider/host";

type BuiltinType = PluginCatalogue[string];
type Definition = Awaited<ReturnType<BuiltinType["load"]>>;

/** A package of first-party plugins: its entry exports their declarations, its `main` serves them as a process. */
interface PluginPackage {
  readonly name: string;
  readonly types: readonly string[];
  readonly load: () => Promise<object>;
}

const packages: readonly PluginPackage[] = [
  {
    name: "@outrider/plugin-load",
    types: [
      "queue-scorer",
      "running-requests-size-scorer",
      "kv-cache-utilization-scorer",
      "load-aware-scorer",
      "active-request-scorer",
    ],
    load: () => import("@outrider/plugin-load"),
  },
  {
    name: "@outrider/plugin-prefix-cache",
    types: ["prefix-cache", "approx-prefix-cache-producer", "prefix-cache-scorer"],
    load: () => import("@outrider/plugin-prefix-cache"),
  },
  {
    name: "@outrider/plugin-session-affinity",
    types: ["session-affinity", "session-affinity-scorer"],
    load: () => import("@outrider/plugin-session-affinity"),
  },
];

const { resolve } = createRequire(import.meta.url);

/** Built-in plugin types; a package is loaded when a configuration names one of its types. */
export const plugins: PluginCatalogue = Object.fromEntries(
  packages.flatMap((from) => from.types.map((type) => [type, toBuiltin(type, from)])),
);

/** URL of this module, for threads that need the same. */
export const pluginsModule = import.meta.url;

function toBuiltin(type: string, { name, load }: PluginPackage): BuiltinType {
  return {
    async load() {
      const declared = Object.values(await load()).find((value) => isDefinition(value, type));
      if (declared === undefined) throw new Error(`${name} declares no type ${type}`);
      return declared;
    },
    get main() {
      return resolve(`${name}/main`);
    },
    get module() {
      return resolve(name);
    },
  };
}

function isDefinition(value: unknown, type: string): value is Definition {
  return typeof value === "object" && value !== null && (value as Partial<Definition>).type === type;
}
