import type { ListenAddress } from "../admin/address.ts";
import type { ConfigOrigin } from "../config/source.ts";
import type { DoorLimits } from "../doors/limits.ts";
import type { UnannouncedBodyMode } from "../ext-proc/modes/unannounced-body-mode.ts";
import type { GatewayOptions } from "../gateway/gateway-options.ts";
import type { TlsOptions } from "../tls/tls-options.ts";

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
  /** Whether a configuration file that changes is put in force. */
  readonly watchConfig: boolean;
  /** `host:port` of endpoints named by flag, in order; not yet checked to be addresses. */
  readonly endpoints: readonly string[];
  /** URL of each plugin process that is not started but connected to, by its name. */
  readonly attach: ReadonlyMap<string, string>;
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
  /** Name of the pool, for those suites; `undefined` = none. */
  readonly poolName: string | undefined;
  readonly gateway: GatewayOptions;
  /** Between two scrapes of one endpoint, in ms, ≥ 50. */
  readonly refreshMetricsIntervalMs: number;
  readonly limits: DoorLimits;
  /** Whether recordings of decisions may have prompt text and token ids. */
  readonly recordsPrompts: boolean;
  /** Whether synthetic requests warm the request path before the host reports ready. */
  readonly warmup: boolean;
  /** Longest time that open exchanges get to end after SIGTERM, in ms. */
  readonly drainTimeoutMs: number;
  /** Amount of logging, as the reference's `-v`: 0 = warnings, 2 = default, 5 = everything. */
  readonly verbosity: number;
  /** Flags that were given and change nothing here, each as a sentence to be logged once. */
  readonly notices: readonly string[];
}
