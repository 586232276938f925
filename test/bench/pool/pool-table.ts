import { createEndpointTable, type EndpointTable } from "@outrider/core";
import { type HostConfig, loadConfig, Registry, systemClock } from "@outrider/host";
import { plugins as catalogue } from "outrider/plugins";
import { openTableHost, type TableHost } from "../../clients/table-host.ts";

/** Five filters, which all look at every endpoint and keep nearly all, and four scorers. */
const configText = `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
budget: 1s
plugins:
- { type: decode-filter }
- { name: zone, type: label-selector-filter, parameters: { matchExpressions: [{ key: zone, operator: In, values: [a, b, c] }] } }
- { type: utilization-filter, parameters: { conditions: [{ metric: kv-cache-utilization, maxValue: 0.98 }] } }
- name: queue-limit
  type: endpoint-attribute-filter
  parameters:
    attribute: WaitingQueueSize
    algorithm: { type: threshold, threshold: { operator: LessThan, value: 99 } }
- { type: serves-model }
- { type: queue-scorer }
- { type: kv-cache-utilization-scorer }
- { type: prefix-cache }
- { type: session-affinity }
- { type: max-score-picker }
schedulingProfiles:
- name: default
  plugins:
  - { pluginRef: decode-filter }
  - { pluginRef: zone }
  - { pluginRef: utilization-filter }
  - { pluginRef: queue-limit }
  - { pluginRef: serves-model }
  - { pluginRef: queue-scorer, weight: 2 }
  - { pluginRef: kv-cache-utilization-scorer, weight: 2 }
  - { pluginRef: prefix-cache, weight: 3 }
  - { pluginRef: session-affinity }
  - { pluginRef: max-score-picker }
`;

const roles = ["decode", "both", "prefill-decode"];
const zones = ["a", "b", "c"];

/** A host over so many endpoints whose values are filled by hand, as one scrape would. */
export async function openPool(endpoints: number): Promise<TableHost> {
  const table = createEndpointTable({ epoch: 1 });
  const host = await openTableHost({ config: await loadText(), table, registry: new Registry() });
  fill(table, endpoints);
  await host.start(5_000);
  return host;
}

async function loadText(): Promise<HostConfig> {
  const raw = { name: "pool", bytes: Buffer.from(configText), folder: process.cwd() };
  const result = await loadConfig(raw, catalogue);
  if (result.kind === "valid") return result.config;
  throw new Error(result.faults.map(({ path, message, hint }) => `${path}: ${message} (${hint})`).join("\n"));
}

function fill(table: EndpointTable, endpoints: number): void {
  const nowMs = systemClock.nowMs();
  for (let i = 0; i < endpoints; i++) {
    const slot = table.upsert({
      id: `default/server-${i}`,
      address: `10.0.${i >> 8}.${i & 255}:8000`,
      labels: { "llm-d.ai/role": roles[i % roles.length]!, zone: zones[i % zones.length]! },
      sets: { models: ["qwen3-32b"] },
    });
    table.setValue(slot, "waiting_requests", (i * 7) % 23, nowMs);
    table.setValue(slot, "running_requests", (i * 5) % 31, nowMs);
    table.setValue(slot, "kv_cache_usage", ((i * 37) % 100) / 101, nowMs);
    table.setValue(slot, "kv_block_tokens", 16, nowMs);
    table.setValue(slot, "kv_total_blocks", 10_000, nowMs);
    table.setReady(slot, true);
  }
  table.publish(nowMs);
}
