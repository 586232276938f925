import { coreMetricsExtractor } from "./data/core-metrics-extractor.ts";
import { endpointNotificationSource, fileDiscovery, topologyExtractor } from "./data/endpoint-types.ts";
import { impliedProducers } from "./data/implied-producers.ts";
import { metricsDataSource, modelsDataExtractor, modelsDataSource } from "./data/page-sources.ts";
import type { PolicyType } from "./policy-type.ts";

/** Types about endpoints and what is scraped of them, and those that stand for what the host always does. */
export const dataTypes: readonly PolicyType[] = [
  metricsDataSource,
  coreMetricsExtractor,
  modelsDataSource,
  modelsDataExtractor,
  fileDiscovery,
  topologyExtractor,
  endpointNotificationSource,
  ...impliedProducers,
];
