import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEndpointTable } from "@outrider/core";
import { pino } from "pino";
import { Registry } from "prom-client";
import { catalogue } from "../../config/fixtures/catalogue.ts";
import { loadConfig } from "../../config/load.ts";
import type { RawConfig } from "../../config/source.ts";
import { createDataLayer } from "../../datalayer/data-layer.ts";
import { createStaticSource } from "../../datalayer/static-source.ts";
import { createPluginRuntime } from "../../plugins/create-plugin-runtime.ts";
import { systemClock } from "../../system-clock.ts";
import { type ChangeParts, type ConfigChanges, createConfigChanges } from "../config-changes.ts";
import { type ConfigInForce, createConfigInForce, toPluginSetup } from "../config-in-force.ts";
import { createWeights, type Weights } from "../weights.ts";

/** A configuration in force that a test changes. */
export interface Reload {
  readonly inForce: ConfigInForce;
  readonly changes: ConfigChanges;
  readonly weights: Weights;
  /** Records of the log so far, from info on. */
  readonly logs: readonly { readonly msg: string }[];
  /** How changes ended, in order. */
  readonly outcomes: readonly string[];
  /** Has the configuration's file hold this, or be unreadable. */
  put(text: string | Error): void;
  /** The bytes of a text, as whoever watches the file finds them. */
  raw(text: string): RawConfig;
  close(): Promise<void>;
}

/** Text of a configuration with two scorers that count; `more` is appended. */
export function toText(more = "", weight = 1): string {
  return `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
plugins:
- { name: queue, type: queue-scorer }
- { name: kv, type: kv-cache-utilization-scorer }
schedulingProfiles:
- name: default
  plugins: [{ pluginRef: queue, weight: ${weight} }, { pluginRef: kv, weight: 2 }]
${more}`;
}

/**
 * Starts with a configuration whose plugins run in this process.
 * @param hold called before each configuration is checked: what it returns is waited for.
 */
export async function openReload(text = toText(), hold: () => Promise<void> = async () => {}): Promise<Reload> {
  const folder = mkdtempSync(join(tmpdir(), "outrider-reload-"));
  const logs: { msg: string }[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void logs.push(JSON.parse(line)) });
  const raw = (of: string): RawConfig => ({ name: "epp.yaml", bytes: Buffer.from(of), folder });
  const first = await loadConfig(raw(text), catalogue);
  if (first.kind === "invalid") throw new Error(JSON.stringify(first.faults));
  const table = createEndpointTable({ epoch: 7 });
  const registry = new Registry();
  const plugins = await createPluginRuntime({
    ...toPluginSetup(first.config),
    catalogue,
    host: { instance: "host-1", version: "0.0.0" },
    socketDir: folder,
    table,
    clock: systemClock,
    log,
    registry,
  });
  const settings = first.config.dataLayer;
  const own = {
    table,
    settings,
    sources: [createStaticSource(["127.0.0.1:1"])],
    intervalMs: 60_000,
    random: () => 0.5,
    logger: log,
    registry,
  };
  const dataLayer = createDataLayer({ ...own, clock: systemClock });
  await dataLayer.start();
  let file: string | Error = text;
  const outcomes: string[] = [];
  const inForce = createConfigInForce(first.config, {
    plugins,
    dataLayer,
    clock: systemClock,
    log,
    loaded: () => {},
  });
  const parts: ChangeParts = {
    inForce,
    open: async () => {
      if (file instanceof Error) throw file;
      return raw(file);
    },
    async load(of) {
      await hold();
      return loadConfig(of, catalogue);
    },
    clock: systemClock,
    log,
    ended: (outcome) => void outcomes.push(outcome),
  };
  const weights = createWeights(inForce, systemClock, log);
  return {
    inForce,
    changes: createConfigChanges(parts),
    weights,
    logs,
    outcomes,
    put(other) {
      file = other;
    },
    raw,
    async close() {
      weights.stop();
      dataLayer.stop();
      await plugins.stop();
      rmSync(folder, { recursive: true });
    },
  };
}
