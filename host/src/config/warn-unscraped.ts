import type { Need } from "@outrider/core";
import { filledColumns } from "../datalayer/derived-values.ts";
import { scrapedColumns } from "../datalayer/engine-spec.ts";
import { builtInEngines } from "../datalayer/engine-specs.ts";
import type { DataLayerSettings } from "../datalayer/settings.ts";
import { type Entries, pluginsOf, policiesOf } from "./entries.ts";
import { needsOfPolicy } from "./implied-producers.ts";
import type { Reporter } from "./reporter.ts";

/** Warns of measurements that somebody reads and no engine of model servers is read for. */
export function warnUnscraped(entries: Entries, { engines }: DataLayerSettings, report: Reporter): void {
  const scraped = new Set<string>(
    [...builtInEngines, ...engines.engines].flatMap((engine) => filledColumns(scrapedColumns(engine))),
  );
  const readers: readonly { readonly index: number; readonly needs: readonly Need[] }[] = [
    ...pluginsOf(entries).map(({ index, asks = [] }) => ({ index, needs: asks })),
    ...policiesOf(entries).map(({ index, spec }) => ({ index, needs: needsOfPolicy(spec) })),
  ];
  for (const { index, needs } of readers) {
    for (const { key } of needs) {
      if (!/^(metric|rate)\./.test(key) || scraped.has(key)) continue;
      const hint = "it will be unknown; name it under customMetrics of a core-metrics-extractor";
      report.warn(["plugins", index], `reads ${key}, which is not scraped`, hint);
    }
  }
}
