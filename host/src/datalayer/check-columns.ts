import { OutriderError, tableLimits } from "@outrider/core";
import { type EngineSpec, scrapedColumns } from "./engine-spec.ts";

/**
 * Checks that the table has room for what engines are read for; a column that was made once stays.
 * @param keys of the columns there are.
 * @throws {OutriderError} `CONFIG_INVALID`.
 */
export function checkColumns(engines: readonly EngineSpec[], keys: readonly string[]): void {
  const all = new Set([...keys, ...engines.flatMap(scrapedColumns)]);
  if (all.size <= tableLimits.columns) return;
  throw new OutriderError(
    "CONFIG_INVALID",
    `customMetrics: ${all.size} columns of metrics since the start, and the endpoint table has ${tableLimits.columns}; ` +
      "name fewer, or start anew to be rid of those named before",
  );
}
