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
  /** Between two fetches, in ms; 0 = the host's `--refresh-metrics-interval`. */
  readonly intervalMs: number;
}

/** What a configuration says of endpoints and what is scraped of them. */
export interface DataLayerSettings {
  /** Pages of metrics; `undefined` = none are scraped. */
  readonly metrics: PageSettings | undefined;
  /** Lists of models, as of `/v1/models`; `undefined` = none are fetched. */
  readonly models: PageSettings | undefined;
  /** File of endpoints; `undefined` = what the command line says. */
  readonly discovery: { readonly path: string; readonly watch: boolean } | undefined;
}

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

/** What the data layer does where a configuration says nothing. */
export const defaultDataLayer: DataLayerSettings = {
  metrics: defaultMetricsPage,
  models: undefined,
  discovery: undefined,
};
