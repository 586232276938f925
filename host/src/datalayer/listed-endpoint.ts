import type { EndpointEntry } from "@outrider/core";
import type { Logger } from "pino";
import type { EndpointSets } from "./endpoint-sets.ts";
import type { DataLayerMetrics } from "./metrics.ts";
import { parseModelList } from "./model-list.ts";
import type { ScrapeTarget } from "./scraper.ts";

/** Takes an endpoint's lists of models to its sets. A list that does not come, or is wrong, leaves the last one. */
export function createListedEndpoint(
  { id, address }: EndpointEntry,
  sets: EndpointSets,
  metrics: DataLayerMetrics,
  logger: Logger,
): ScrapeTarget {
  const log = logger.child({ endpoint: id, address });
  /** Fault that was logged last; empty = the last list was good. */
  let fault = "";
  return {
    address,
    onPage(page) {
      const list = parseModelList(page);
      if ("reason" in list) return list;
      if (fault !== "") log.info("models are listed again");
      fault = "";
      metrics.listed();
      sets.listed(list);
      return undefined;
    },
    onFault({ reason, detail }) {
      metrics.listFailed(reason);
      if (detail !== fault) log.warn({ reason }, `the list of models cannot be had: ${detail}`);
      fault = detail;
    },
    onRound: () => undefined,
  };
}
