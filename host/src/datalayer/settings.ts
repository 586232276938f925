import { resolve } from "node:path";
import type { EngineSpec } from "./engine-spec.ts";

/** How a page of each endpoint is fetched again and again. */
export interface PageSettings {
  readonly scheme: "http" | "https";
  readonly path: string;
  /** Port in the place of the endpoint's own; 0 = its own. */
  readonly port: number;
  /** Whether any certificate is accepted. */
  readonly insecureSkipVerify: boolean;
  /** PEM file of the authorities that certificates are checked against; empty = the system's. */
  readonly caCertPath: string;
  /** PEM files of the host's own certificate and its key; empty = none. */
  readonly clientCertPath: string;
  readonly clientKeyPath: string;
  /** Between two fetches, in ms; not below the host's `--refresh-metrics-interval`, which 0 stands for. */
  readonly intervalMs: number;
}

/** By what an endpoint's page of metrics is read. */
export interface EngineSettings {
  /** Label of an endpoint that names its engine; see {@link olderEngineLabel}. */
  readonly labelKey: string;
  /** Engine of endpoints without that label, or with one that nobody knows. */
  readonly defaultEngine: string;
  /** Engines of the configuration; each stands in the place of a built-in one of its name. */
  readonly engines: readonly EngineSpec[];
}

/** Labels of an endpoint that say where it is. */
export interface TopologyLabels {
  readonly hostname: string;
  readonly rack: string;
  readonly zone: string;
  readonly region: string;
}

/** A file of endpoints, in the form of `--endpoints-file`. */
export interface DiscoverySettings {
  readonly path: string;
  /** Whether it is read again when it changes. */
  readonly watch: boolean;
}

/** What a configuration says of endpoints and what is scraped of them. */
export interface DataLayerSettings {
  /** Pages of metrics; `undefined` = none are scraped. */
  readonly metrics: PageSettings | undefined;
  readonly engines: EngineSettings;
  /** Lists of models, as of `/v1/models`; `undefined` = none are fetched. */
  readonly models: PageSettings | undefined;
  /** File of endpoints; `undefined` = what the command line says. */
  readonly discovery: DiscoverySettings | undefined;
  /** Labels that the endpoints' source uses; endpoints show their values under {@link topologyLabels}. */
  readonly topology: TopologyLabels;
}

/** Label that names an endpoint's engine where a configuration says nothing. */
export const engineLabel = "llm-d.ai/engine-type";
/** Asked where an endpoint lacks the label that is configured. */
export const olderEngineLabel = "inference.networking.k8s.io/engine-type";

/** Labels under which every endpoint shows where it is. */
export const topologyLabels: TopologyLabels = {
  hostname: "kubernetes.io/hostname",
  rack: "topology.kubernetes.io/rack",
  zone: "topology.kubernetes.io/zone",
  region: "topology.kubernetes.io/region",
};

/** Metrics as the host scrapes them where a configuration says nothing. */
export const defaultMetricsPage: PageSettings = {
  scheme: "http",
  path: "/metrics",
  port: 0,
  insecureSkipVerify: true,
  caCertPath: "",
  clientCertPath: "",
  clientKeyPath: "",
  intervalMs: 0,
};

/** Lists of models as the host fetches them where something needs them and a configuration says nothing. */
export const defaultModelsPage: PageSettings = { ...defaultMetricsPage, path: "/v1/models", intervalMs: 2_000 };

/** What the data layer does where a configuration says nothing. */
export const defaultDataLayer: DataLayerSettings = {
  metrics: defaultMetricsPage,
  engines: { labelKey: engineLabel, defaultEngine: "vllm", engines: [] },
  models: undefined,
  discovery: undefined,
  topology: topologyLabels,
};

/** The same settings with every file absolute. @param folder that relative paths start from: the configuration's. */
export function resolvePaths(settings: DataLayerSettings, folder: string): DataLayerSettings {
  const file = (path: string) => (path === "" ? "" : resolve(folder, path));
  const page = (settings: PageSettings | undefined) =>
    settings && {
      ...settings,
      caCertPath: file(settings.caCertPath),
      clientCertPath: file(settings.clientCertPath),
      clientKeyPath: file(settings.clientKeyPath),
    };
  const { discovery } = settings;
  return {
    ...settings,
    metrics: page(settings.metrics),
    models: page(settings.models),
    discovery: discovery && { ...discovery, path: file(discovery.path) },
  };
}
