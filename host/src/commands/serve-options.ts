import type { ListenAddress } from "../admin/address.ts";
import type { ConfigOrigin } from "../config/source.ts";
import type { DoorLimits } from "../doors/limits.ts";

/** How gateways that do not announce it exchange bodies with ext_proc; `auto` = told by what they do. */
export type UnannouncedBodyMode = "auto" | "full-duplex" | "buffered" | "streamed" | "none";

/** TLS of ext_proc. */
export interface TlsOptions {
  /** Folder of `tls.crt` and `tls.key`; `undefined` = a self-signed certificate. */
  readonly certPath: string | undefined;
  /** Whether the files are read again when they change. */
  readonly reloads: boolean;
  /** Authority of the gateways' certificates, PEM; `undefined` = gateways need none. */
  readonly clientCaFile: string | undefined;
  /** Lowest version spoken. */
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** Suites by their names in Go, in order; empty = Node's. */
  readonly cipherSuites: readonly string[];
}

/** The embedded gateway's dealings with model servers. */
export interface GatewayOptions {
  /** What model servers speak. */
  readonly upstream: "http1" | "h2c";
  /** Until a model server accepts a connection, in ms. */
  readonly connectTimeoutMs: number;
  /** From the sent request to the response's headers, in ms. */
  readonly responseTimeoutMs: number;
  /** Between two parts of a response, in ms. */
  readonly idleTimeoutMs: number;
  /** Whether each request makes a log line. */
  readonly accessLog: boolean;
}

/** What `outrider serve` was told, checked; ports are 0 where any free one will do. */
export interface ServeOptions {
  /** Port of ext_proc, on all interfaces. */
  readonly grpcPort: number;
  /** Port of plaintext health checks, on all interfaces. */
  readonly grpcHealthPort: number;
  /** Port of `/metrics`, on all interfaces. */
  readonly metricsPort: number;
  /** Port of the embedded gateway; `undefined` = no gateway. */
  readonly gatewayPort: number | undefined;
  /** Port of the Pick RPC, on all interfaces; `undefined` = no Pick RPC. */
  readonly pickPort: number | undefined;
  /** After which a pick that was never completed counts as done, in ms. */
  readonly pickTimeoutMs: number;
  /** Where the admin interface listens. */
  readonly adminAddress: ListenAddress;
  /** Token the admin interface asks for; never `undefined` when it listens on more than loopback. */
  readonly adminToken: string | undefined;
  /** Where the configuration comes from. */
  readonly config: ConfigOrigin;
  /** `host:port` of endpoints named by flag, in order; not yet checked to be addresses. */
  readonly endpoints: readonly string[];
  /** File of endpoints, watched; `undefined` = none. */
  readonly endpointsFile: string | undefined;
  /** Whether ext_proc speaks TLS. */
  readonly secureServing: boolean;
  readonly tls: TlsOptions;
  /** Whether ext_proc's port answers health checks too. */
  readonly healthChecking: boolean;
  readonly bodyMode: UnannouncedBodyMode;
  /** Whether the gateway's subset of endpoints counts. */
  readonly usesSubset: boolean;
  /** Whether the gateway is told the score of every candidate. */
  readonly emitsScores: boolean;
  /** Whether the headers of conformance suites are obeyed. */
  readonly conformanceSwitches: boolean;
  readonly gateway: GatewayOptions;
  /** Between two scrapes of one endpoint, in ms, ≥ 50. */
  readonly refreshMetricsIntervalMs: number;
  readonly limits: DoorLimits;
  /** Whether synthetic requests warm the request path before the host reports ready. */
  readonly warmup: boolean;
  /** Longest time that open exchanges get to end after SIGTERM, in ms. */
  readonly drainTimeoutMs: number;
  /** Amount of logging, as the reference's `-v`: 0 = warnings, 2 = default, 5 = everything. */
  readonly verbosity: number;
  /** Flags that were given and change nothing here, each as a sentence to be logged once. */
  readonly notices: readonly string[];
}
