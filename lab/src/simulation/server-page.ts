import { type ScrapedKey, type ScrapedPage, scrapedColumns, vllmSpec } from "@outrider/host";
import type { LabServer } from "../contract/index.ts";
import type { Engine } from "../engine/index.ts";

/** Columns that a page fills, in their order: those that are read of a vLLM server's. */
export const pageColumns: readonly ScrapedKey[] = scrapedColumns(vllmSpec);

const at = (key: ScrapedKey) => pageColumns.indexOf(key);
const places = {
  running: at("running_requests"),
  waiting: at("waiting_requests"),
  usage: at("kv_cache_usage"),
  prompt: at("rate.prompt_tokens"),
  output: at("rate.output_tokens"),
  adapters: at("max_adapters"),
  blockTokens: at("kv_block_tokens"),
  blocks: at("kv_total_blocks"),
} as const;

/** What a server's page of metrics says now. @param startedAtS when its process was started, Unix seconds. */
export function readPage(
  server: LabServer,
  engine: Engine,
  startedAtS: number,
  sets: ScrapedPage["sets"],
): ScrapedPage {
  const stats = engine.stats();
  const values = new Float64Array(pageColumns.length).fill(Number.NaN);
  values[places.running] = stats.running;
  values[places.waiting] = stats.waiting;
  values[places.usage] = stats.kvUsage;
  values[places.prompt] = stats.queriedTokens - stats.cachedTokens;
  values[places.output] = stats.generatedTokens;
  if (server.maxAdapters > 0) values[places.adapters] = server.maxAdapters;
  values[places.blockTokens] = engine.blockSizeTokens;
  values[places.blocks] = stats.totalBlocks;
  return { values, startedAtS, counter: stats.queriedTokens, sets, unreadable: 0 };
}
