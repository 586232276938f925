import { createHash } from "node:crypto";
import { basename } from "node:path";
import type { LabEvent, LabServer, PluginDisturbance, Scenario } from "../contract/index.ts";
import { type EngineConfig, hardwarePresets, modelPresets } from "../engine/index.ts";
import type { ScenarioFacts } from "./types.ts";

/** What a scenario is, without where it lies. */
export function toScenarioFacts(scenario: Scenario): ScenarioFacts {
  return {
    name: scenario.name,
    seed: scenario.seed,
    configName: basename(scenario.configName),
    configSha256: createHash("sha256").update(scenario.configText).digest("hex"),
    configText: scenario.configText,
    servers: toServerLines(scenario.servers),
    settings: toSettings(scenario),
  };
}

function toServerLines(servers: readonly LabServer[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const server of servers) {
    const line = describeServer(server);
    counts.set(line, (counts.get(line) ?? 0) + 1);
  }
  return [...counts].map(([line, count]) => `${count} × ${line}`);
}

function describeServer({ engine, labels, adapters, slowdown }: LabServer): string {
  return [
    describeEngine(engine),
    ...(slowdown === 1 ? [] : [`slowdown ${slowdown}`]),
    ...(adapters.length === 0 ? [] : [`${adapters.length} adapters`]),
    ...Object.entries(labels).map(([name, value]) => `${name}=${value}`),
  ].join(", ");
}

function describeEngine(engine: EngineConfig): string {
  const model = nameOf(engine.model, modelPresets) ?? `${engine.model.parameters / 1e9}B parameters`;
  const hardware = nameOf(engine.hardware, hardwarePresets) ?? `${engine.hardware.peakFlops / 1e12} TFLOP/s`;
  return [
    `${model}:${hardware}:${engine.tensorParallel}`,
    ...(engine.kvTokens === undefined ? [] : [`${engine.kvTokens} KV tokens`]),
    ...(engine.maxRunning === undefined ? [] : [`at most ${engine.maxRunning} running`]),
    ...(engine.maxBatchTokens === undefined ? [] : [`${engine.maxBatchTokens} tokens a step`]),
    ...(engine.maxModelTokens === undefined ? [] : [`at most ${engine.maxModelTokens} tokens a request`]),
    ...(engine.blockSizeTokens === undefined ? [] : [`blocks of ${engine.blockSizeTokens} tokens`]),
  ].join(", ");
}

function nameOf(shape: object, presets: Readonly<Record<string, object>>): string | undefined {
  const text = JSON.stringify(shape);
  return Object.keys(presets).find((name) => JSON.stringify(presets[name]) === text);
}

function toSettings(scenario: Scenario): Readonly<Record<string, string>> {
  const disturbed = Object.entries(scenario.disturbances);
  return {
    "scrape interval": `${scenario.scrapeIntervalMs} ms`,
    "client time-out": Number.isFinite(scenario.clientTimeoutMs) ? `${scenario.clientTimeoutMs} ms` : "none",
    ...(Number.isFinite(scenario.durationMs) ? { "arrivals end at": `${scenario.durationMs} ms` } : {}),
    ...(scenario.warmUpMs > 0 ? { "warm-up left out": `${scenario.warmUpMs} ms` } : {}),
    ...(scenario.stalenessMs > 0 ? { staleness: `${scenario.stalenessMs} ms` } : {}),
    ...(scenario.overheadMs > 0 ? { "added to each TTFT": `${scenario.overheadMs} ms` } : {}),
    ...(scenario.kvTransferUsPerToken > 0 ? { "KV transfer": `${scenario.kvTransferUsPerToken} µs a token` } : {}),
    ...Object.fromEntries(disturbed.map(([name, disturbance]) => [`plugin ${name}`, describe(disturbance)])),
    ...(scenario.events.length > 0 ? { events: scenario.events.map(describeEvent).join("; ") } : {}),
  };
}

function describe({ latencyMs, missShare, outages }: PluginDisturbance): string {
  const lost = outages.map(({ atMs, forMs }) => `, lost at ${atMs} ms for ${forMs} ms`).join("");
  return `answers after ${latencyMs} ms, misses a share of ${missShare}${lost}`;
}

function describeEvent(event: LabEvent): string {
  const what = event.kind === "slowdown" ? `slowdown × ${event.factor}` : event.kind;
  return `${what} of ${event.servers.join(", ")} at ${event.atMs} ms`;
}
