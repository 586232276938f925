/** One flag of `outrider serve`. */
export interface ServeFlag {
  /** Without dashes. */
  readonly name: string;
  /** What stands for its value in the help; empty = a switch. */
  readonly value: string;
  /** Heading in the help. */
  readonly group: string;
  /** For the help. */
  readonly about: string;
  /** Default as it would be written; `undefined` = none. */
  readonly default?: string;
  /** Given several times it adds up; otherwise the last one counts. */
  readonly repeatable?: boolean;
}

const endpoints = "Endpoints:";
const configuration = "Configuration:";
const ports = "Ports (0 = any free one):";
const tls = "TLS of ext_proc:";
const running = "Running:";

/** Flags that have an effect. */
export const serveFlags: readonly ServeFlag[] = [
  { name: "endpoints", value: "host:port,...", group: endpoints, about: "model servers", repeatable: true },
  { name: "endpoints-file", value: "file", group: endpoints, about: "YAML file of model servers, watched" },
  {
    name: "refresh-metrics-interval",
    value: "duration",
    group: endpoints,
    about: "between two scrapes of an endpoint",
    default: "50ms",
  },
  { name: "config-file", value: "file", group: configuration, about: "EndpointPickerConfig, YAML or JSON" },
  { name: "config-text", value: "yaml", group: configuration, about: "the same as text" },
  { name: "grpc-port", value: "port", group: ports, about: "ext_proc, for Envoy", default: "9002" },
  { name: "grpc-health-port", value: "port", group: ports, about: "gRPC health, plaintext", default: "9003" },
  { name: "metrics-port", value: "port", group: ports, about: "/metrics", default: "9090" },
  { name: "gateway-port", value: "port", group: ports, about: "embedded OpenAI gateway; off unless given" },
  {
    name: "admin-address",
    value: "host:port",
    group: ports,
    about: "admin interface; beyond loopback only with a token",
    default: "127.0.0.1:9004",
  },
  {
    name: "admin-token-file",
    value: "file",
    group: ports,
    about: "bearer token of the admin interface (or OUTRIDER_ADMIN_TOKEN)",
  },
  { name: "secure-serving", value: "", group: tls, about: "speak TLS", default: "true" },
  { name: "cert-path", value: "folder", group: tls, about: "folder of tls.crt and tls.key; else self-signed" },
  { name: "health-checking", value: "", group: running, about: "gRPC health on ext_proc's port too", default: "false" },
  {
    name: "max-body-bytes",
    value: "size",
    group: running,
    about: "largest request body that is held; more is refused",
    default: "10Mi",
  },
  {
    name: "drain-timeout",
    value: "duration",
    group: running,
    about: "time that open requests get after SIGTERM",
    default: "30s",
  },
];

/** A flag of the reference EPP that changes nothing here. */
export interface InertFlag {
  /** Without dashes. */
  readonly name: string;
  /** Whether it takes no value. */
  readonly isSwitch: boolean;
  /** Why it changes nothing. */
  readonly reason: string;
  /** Value that says what holds anyway, so that there is nothing to tell. */
  readonly holds?: string;
}

const noKubernetes = "endpoints come from --endpoints and --endpoints-file";
const noReload = "certificates are read once";
const fixedTls = "TLS 1.2 and newer are spoken, with Node's ciphers";
const ownLog = "the log is JSON, its level set by -v";

function inert(name: string, reason: string, holds?: string): InertFlag {
  return { name, isSwitch: false, reason, ...(holds === undefined ? {} : { holds }) };
}

function inertSwitch(name: string, reason: string, holds: string): InertFlag {
  return { name, isSwitch: true, reason, holds };
}

/** Flags of the reference EPP that are accepted, so that its command lines work, and told of once when given. */
export const inertFlags: readonly InertFlag[] = [
  inert("pool-name", noKubernetes),
  inert("pool-namespace", noKubernetes),
  inert("pool-group", noKubernetes),
  inert("endpoint-selector", noKubernetes),
  inert("endpoint-target-ports", noKubernetes),
  inertSwitch("disable-endpoint-subset-filter", "the gateway's subset of endpoints always counts", "false"),
  inertSwitch("emit-endpoint-scores", "scores are shown by the admin interface only", "false"),
  inertSwitch("allow-experimental-plugins", "every type may be used", "true"),
  inertSwitch("ha-enable-leader-election", "every replica decides", "false"),
  inert("grpc-max-recv-msg-size", "bodies are bounded by --max-body-bytes"),
  inert("grpc-max-send-msg-size", "answers are never larger than 62,000 bytes"),
  inertSwitch("enable-grpc-stream-metrics", "streams are always measured", "true"),
  inert("refresh-prometheus-metrics-interval", "metrics are computed when they are asked for"),
  inert("metrics-staleness-threshold", "a value is stale after 2 s, or three scrapes"),
  inertSwitch("tracing", "no traces are sent", "false"),
  inertSwitch("enable-pprof", "there is no profiler to reach", "false"),
  inertSwitch("metrics-endpoint-auth", "/metrics is open to who reaches its port", "false"),
  inert("metrics-cert-dir", "/metrics is plain HTTP"),
  inert("metrics-client-ca-file", "/metrics is plain HTTP"),
  inertSwitch("enable-cert-reload", noReload, "false"),
  inert("tls-min-version", fixedTls, "VersionTLS12"),
  inert("tls-cipher-suites", fixedTls),
  inertSwitch("zap-devel", ownLog, "false"),
  inert("zap-encoder", ownLog, "json"),
  inert("zap-log-level", ownLog),
  inert("zap-stacktrace-level", ownLog),
  inert("zap-time-encoding", ownLog),
];

/** Flags that the reference EPP refuses, since its configuration has what they said. */
export const refusedFlags: readonly string[] = [
  "total-queued-requests-metric",
  "total-running-requests-metric",
  "kv-cache-usage-percentage-metric",
  "lora-info-metric",
  "cache-info-metric",
];
