import { z } from "zod";
import { defaultMetricsPage, defaultModelsPage } from "../../datalayer/settings.ts";
import { definePolicy } from "../policy-type.ts";
import { oddPageParameters, pageParameters, toPageSettings } from "./page-parameters.ts";

/** Pages of metrics. */
export const metricsDataSource = definePolicy({
  type: "metrics-data-source",
  about: "Scrapes each endpoint's page of metrics, at every `--refresh-metrics-interval` unless `interval` is longer.",
  parameters: pageParameters(defaultMetricsPage.path),
  dataPart: "source",
  oddities: oddPageParameters,
  explain: ({ path, port }) => `scrapes ${path}${port === 0 ? "" : ` on port ${port}`} of each endpoint`,
  data: (parameters, settings) => ({ ...settings, metrics: toPageSettings(parameters, defaultMetricsPage.intervalMs) }),
});

/** Lists of models. */
export const modelsDataSource = definePolicy({
  type: "models-data-source",
  about:
    "Fetches each endpoint's list of models and adapters, every 2 s unless `interval` says otherwise; without it the " +
    "host does so when something asks for models.",
  parameters: pageParameters(defaultModelsPage.path),
  dataPart: "source",
  oddities: oddPageParameters,
  explain: ({ path, port }) => `fetches ${path}${port === 0 ? "" : ` on port ${port}`} of each endpoint`,
  data: (parameters, settings) => ({ ...settings, models: toPageSettings(parameters, defaultModelsPage.intervalMs) }),
});

/** What is read of lists of models. */
export const modelsDataExtractor = definePolicy({
  type: "models-data-extractor",
  about: "Reads the models and adapters of a list; the host always does.",
  parameters: z.strictObject({}),
  dataPart: "extractor",
  data: (_, settings) => settings,
});
