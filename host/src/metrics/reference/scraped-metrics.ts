import { type FamilyPlace, registerFamily } from "./register-family.ts";
import { scrapedFamilies as families } from "./scraped-families.ts";
import { type ScrapedParts, ScrapedValues } from "./scraped-values.ts";

/** Registers what is read when metrics are scraped; it costs nothing else. */
export function registerScraped(place: FamilyPlace, parts: ScrapedParts): void {
  const values = new ScrapedValues(parts);
  registerFamily(place, families.averageKvCache, () => values.mean("kvCacheUsage"));
  registerFamily(place, families.averageQueue, () => values.mean("waitingRequests"));
  registerFamily(place, families.averageRunning, () => values.mean("runningRequests"));
  registerFamily(place, families.deviationKvCache, () => values.deviation("kvCacheUsage"));
  registerFamily(place, families.deviationQueue, () => values.deviation("waitingRequests"));
  registerFamily(place, families.deviationRunning, () => values.deviation("runningRequests"));
  registerFamily(place, families.ready, () => values.ready());
  registerFamily(place, families.endpointQueue, () => values.queues());
  registerFamily(place, families.saturation, () => values.saturation());
  registerFamily(place, families.stale, () => values.stale());
  registerFamily(place, families.inflightRequests, () => values.inflight("requests"));
  registerFamily(place, families.inflightTokens, () => values.inflight("promptTokens"));
  registerFamily(place, families.pollErrors, () => values.unfetched());
  registerFamily(place, families.extractErrors, () => values.unread());
  registerFamily(place, families.strictMisses, () => values.figures(families.strictMisses));
  registerFamily(place, families.revisionShares, () => values.figures(families.revisionShares));
  registerFamily(place, families.info, () => values.info());
}
