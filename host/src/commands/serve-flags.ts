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
const extProc = "ext_proc:";
const gateway = "Embedded gateway:";
const limits = "Limits of each way in:";
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
  {
    name: "watch-config",
    value: "",
    group: configuration,
    about: "put the configuration's file in force again when it changes",
    default: "true",
  },
  {
    name: "attach",
    value: "process=url",
    group: configuration,
    about: "do not start this plugin process: connect to one that runs, under a debugger say, and give it all the time",
    repeatable: true,
  },
  { name: "grpc-port", value: "port", group: ports, about: "ext_proc, for Envoy", default: "9002" },
  { name: "grpc-health-port", value: "port", group: ports, about: "gRPC health, plaintext", default: "9003" },
  { name: "metrics-port", value: "port", group: ports, about: "/metrics", default: "9090" },
  { name: "gateway-port", value: "port", group: ports, about: "embedded OpenAI gateway; off unless given" },
  { name: "pick-port", value: "port", group: ports, about: "Pick RPC, plaintext Connect; off unless given" },
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
  {
    name: "enable-cert-reload",
    value: "",
    group: tls,
    about: "read the files again when they change",
    default: "true",
  },
  {
    name: "client-ca-file",
    value: "file",
    group: tls,
    about: "accept only gateways with a certificate of this authority (mTLS)",
  },
  {
    name: "tls-min-version",
    value: "version",
    group: tls,
    about: "VersionTLS12 or VersionTLS13; Envoy speaks 1.2 unless told otherwise",
    default: "VersionTLS12",
  },
  { name: "tls-cipher-suites", value: "name,...", group: tls, about: "Go's names of suites; default Node's" },
  { name: "health-checking", value: "", group: extProc, about: "gRPC health on ext_proc's port too", default: "false" },
  {
    name: "body-mode",
    value: "mode",
    group: extProc,
    about: "how gateways that do not announce it exchange bodies: full-duplex, buffered, streamed, none",
    default: "auto",
  },
  {
    name: "disable-endpoint-subset-filter",
    value: "",
    group: extProc,
    about: "ignore the gateway's subset of endpoints",
    default: "false",
  },
  {
    name: "emit-endpoint-scores",
    value: "",
    group: extProc,
    about: "tell the gateway the score of every candidate, as dynamic metadata",
    default: "false",
  },
  {
    name: "conformance-switches",
    value: "",
    group: extProc,
    about: "obey the headers of conformance suites; never in production, since clients choose endpoints by them",
    default: "false",
  },
  {
    name: "pool-name",
    value: "name",
    group: extProc,
    about:
      "name of the pool, in metrics and for conformance suites; endpoints come from --endpoints and --endpoints-file",
  },
  {
    name: "gateway-upstream",
    value: "protocol",
    group: gateway,
    about: "what model servers speak: http1, or h2c (HTTP/2 in plaintext)",
    default: "http1",
  },
  {
    name: "gateway-connect-timeout",
    value: "duration",
    group: gateway,
    about: "until a model server accepts a connection; the next one is tried then",
    default: "2s",
  },
  {
    name: "gateway-response-timeout",
    value: "duration",
    group: gateway,
    about: "until the response begins",
    default: "10m",
  },
  {
    name: "gateway-idle-timeout",
    value: "duration",
    group: gateway,
    about: "between two parts of a response",
    default: "5m",
  },
  { name: "gateway-access-log", value: "", group: gateway, about: "a log line a request", default: "false" },
  {
    name: "pick-timeout",
    value: "duration",
    group: running,
    about: "after which a pick that was never completed counts as done",
    default: "10m",
  },
  {
    name: "max-body-bytes",
    value: "size",
    group: limits,
    about: "largest request body that is held; 413 above it",
    default: "10Mi",
  },
  {
    name: "max-held-bytes",
    value: "size",
    group: limits,
    about: "most that all bodies together may hold; 429 above it",
    default: "1Gi",
  },
  {
    name: "max-header-bytes",
    value: "size",
    group: limits,
    about: "largest headers of a request; 431 above it",
    default: "64Ki",
  },
  {
    name: "max-open-requests",
    value: "count",
    group: limits,
    about: "requests open at once; 429 above it",
    default: "50000",
  },
  {
    name: "max-connections",
    value: "count",
    group: limits,
    about: "connections open at once; those above it are closed",
    default: "10000",
  },
  {
    name: "max-request-time",
    value: "duration",
    group: limits,
    about: "in which a request has to come in whole; 408 above it",
    default: "10m",
  },
  {
    name: "record-prompts",
    value: "",
    group: running,
    about: "let outrider record keep prompt text and token ids, as far as plugins are granted them",
    default: "false",
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
const ownLog = "the log is JSON, its level set by -v";

function inert(name: string, reason: string, holds?: string): InertFlag {
  return { name, isSwitch: false, reason, ...(holds === undefined ? {} : { holds }) };
}

function inertSwitch(name: string, reason: string, holds: string): InertFlag {
  return { name, isSwitch: true, reason, holds };
}

/** Flags of the reference EPP that are accepted, so that its command lines work, and told of once when given. */
export const inertFlags: readonly InertFlag[] = [
  inert("pool-namespace", noKubernetes),
  inert("pool-group", noKubernetes),
  inert("endpoint-selector", noKubernetes),
  inert("endpoint-target-ports", noKubernetes),
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
