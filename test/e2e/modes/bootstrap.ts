import type { Document } from "yaml";
import { type Mode, toProcessingMode } from "./mode.ts";

/** The two ways in which Envoy follows a pick: listeners of `examples/envoy/envoy.yaml`. */
export const listenerKinds = ["original_dst", "override_host"] as const;
export type ListenerKind = (typeof listenerKinds)[number];

/** An endpoint picker that Envoy asks. */
export interface Picker {
  /** Part of the names of its listeners and cluster. */
  readonly name: string;
  /** `ip:port` of its ext_proc server. */
  readonly extProc: string;
}

/** Listener of a picker. */
export function listenerName(kind: ListenerKind, picker: string): string {
  return `${kind}_${picker}`;
}

/** Cluster of a picker. */
export function clusterName(picker: string): string {
  return `ext_proc_${picker}`;
}

/**
 * Turns the bootstrap of the example into one with a pair of listeners for each picker, all in one mode. Its own
 * listeners stay as they are.
 */
export function configureMode(config: Document, mode: Mode, pickers: readonly Picker[]): void {
  const bootstrap = config.toJS() as Bootstrap;
  const { listeners, clusters } = bootstrap.static_resources;
  const extProc = clusters.find(({ name }) => name === "ext_proc");
  if (extProc === undefined) throw new Error("no cluster ext_proc in the example");
  for (const { name, extProc: address } of pickers) {
    clusters.push({ ...extProc, name: clusterName(name), load_assignment: toAssignment(clusterName(name), address) });
    for (const kind of listenerKinds) {
      const base = listeners.find((listener) => listener.name === kind);
      if (base !== undefined) listeners.push(toListener(base, listenerName(kind, name), clusterName(name), mode));
    }
  }
  config.contents = config.createNode(JSON.parse(JSON.stringify(bootstrap)));
}

/**
 * Header of a request that Envoy is not to retry. Where a route has a retry policy, Envoy 1.40 sends a body twice that
 * comes back in FULL_DUPLEX_STREAMED or STREAMED and whose trailers come back too.
 */
export const noRetryHeader = "x-test-no-retry";

/** Hands the header `x-test-subset` to the picker as the gateway's subset of endpoints. */
const subsetFromHeader = {
  name: "envoy.filters.http.header_to_metadata",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.filters.http.header_to_metadata.v3.Config",
    request_rules: [
      {
        header: "x-test-subset",
        remove: true,
        on_header_present: {
          metadata_namespace: "envoy.lb.subset_hint",
          key: "x-gateway-destination-endpoint-subset",
          type: "STRING",
        },
      },
    ],
  },
};
const logFormat =
  "%REQ(X-REQUEST-ID)% %REQ(:METHOD)% %REQ(:PATH)% %RESPONSE_CODE% %RESPONSE_FLAGS% %RESPONSE_CODE_DETAILS% upstream=%UPSTREAM_HOST% ext_proc=%FILTER_STATE(envoy.filters.http.ext_proc:PLAIN)%\n";

function toListener(base: Listener, name: string, cluster: string, mode: Mode): Listener {
  const copy = JSON.parse(JSON.stringify(base)) as Listener;
  const manager = copy.filter_chains[0]?.filters[0]?.typed_config;
  if (manager === undefined) throw new Error(`no connection manager in ${base.name}`);
  copy.name = name;
  manager.stat_prefix = name;
  // A client that is refused while it uploads reads the answer behind its own writes, on a busy machine some time later.
  manager.delayed_close_timeout = "30s";
  for (const log of manager.access_log) log.typed_config.log_format.text_format_source.inline_string = logFormat;
  for (const filter of manager.http_filters.filter((each) => each.name === "envoy.filters.http.ext_proc")) {
    Object.assign(filter.typed_config, {
      grpc_service: { envoy_grpc: { cluster_name: cluster } },
      processing_mode: toProcessingMode(mode),
      response_attributes: ["upstream.address"],
      // Envoy's own 200 ms are too few for a machine that is busy with other things.
      message_timeout: "10s",
      ...mode.filter,
    });
  }
  manager.http_filters.unshift(subsetFromHeader);
  for (const { routes } of manager.route_config.virtual_hosts) {
    routes.unshift(
      ...routes.map(({ match, route }) => ({ match: { ...match, headers: [noRetry] }, route: unretried(route) })),
    );
  }
  return copy;
}

/** Requests that name no retry have none. */
const noRetry = { name: noRetryHeader, present_match: true };

function unretried(route: Route): Route {
  return Object.fromEntries(Object.entries(route).filter(([key]) => key !== "retry_policy"));
}

function toAssignment(cluster: string, address: string) {
  const colon = address.lastIndexOf(":");
  const socket = { address: address.slice(0, colon), port_value: Number(address.slice(colon + 1)) };
  return {
    cluster_name: cluster,
    endpoints: [{ lb_endpoints: [{ endpoint: { address: { socket_address: socket } } }] }],
  };
}

/** What of the bootstrap is touched. */
interface Bootstrap {
  readonly static_resources: { readonly listeners: Listener[]; readonly clusters: Cluster[] };
}
interface Listener {
  name: string;
  readonly filter_chains: readonly { readonly filters: readonly { readonly typed_config: Manager }[] }[];
}
interface Manager {
  stat_prefix: string;
  delayed_close_timeout?: string;
  readonly access_log: readonly {
    readonly typed_config: { readonly log_format: { readonly text_format_source: { inline_string: string } } };
  }[];
  readonly route_config: { readonly virtual_hosts: readonly { readonly routes: RouteEntry[] }[] };
  readonly http_filters: { readonly name: string; readonly typed_config: object }[];
}
interface RouteEntry {
  readonly match: object;
  readonly route: Route;
}
type Route = Readonly<Record<string, unknown>>;
interface Cluster {
  readonly name: string;
  readonly load_assignment?: object;
}
