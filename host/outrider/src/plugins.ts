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
      "token-load-scorer",
      "load",
      "inflight-load-producer",
    ],
    load: () => import("@outrider/plugin-load"),
  },
  {
    name: "@outrider/plugin-lora-affinity",
    types: ["lora-affinity-scorer"],
    load: () => import("@outrider/plugin-lora-affinity"),
  },
  {
    name: "@outrider/plugin-label-affinity",
    types: ["header-label-affinity-scorer", "context-length-aware"],
    load: () => import("@outrider/plugin-label-affinity"),
  },
  {
    name: "@outrider/plugin-topology-affinity",
    types: ["topology-affinity-scorer"],
    load: () => import("@outrider/plugin-topology-affinity"),
  },
  {
    name: "@outrider/plugin-endpoint-attribute",
    types: ["endpoint-attribute-scorer"],
    load: () => import("@outrider/plugin-endpoint-attribute"),
  },
  {
    name: "@outrider/plugin-no-hit-lru",
    types: ["no-hit-lru-scorer"],
    load: () => import("@outrider/plugin-no-hit-lru"),
  },
  {
    name: "@outrider/plugin-comparison",
    types: ["lmetric", "smg-cache-aware", "smg-least-load"],
    load: () => import("@outrider/plugin-comparison"),
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
  {
    name: "@outrider/plugin-slo",
    types: ["slo", "latency-scorer", "predicted-latency-producer"],
    load: () => import("@outrider/plugin-slo"),
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
