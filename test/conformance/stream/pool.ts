import type { EppCase } from "../case-file.ts";
import { type Fields, isRecord } from "../fields.ts";
import { NotApplicable } from "../verdict.ts";

/** An endpoint of a case's pool with what its model server would tell. */
export interface PoolEndpoint {
  readonly id: string;
  /** `ip:port`. */
  readonly address: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly waitingRequests: number;
  readonly kvCacheUsage: number;
  /** Adapters that are loaded, and as many as fit; the cases call them active models. */
  readonly activeModels: readonly string[];
}

/** Port of a pool whose case names none. */
const defaultPort = 8000;

/** An endpoint at an address, idle. */
export function idleEndpoint(address: string, index: number, waitingRequests = 0): PoolEndpoint {
  const id = `default/pod-${index}-rank-0`;
  return { id, address, labels: {}, waitingRequests, kvCacheUsage: 0, activeModels: [] };
}

/**
 * The pool a protocol case runs with: its `pods`, its `endpoints`, or what its name and hints imply.
 * @param fewest endpoints that an implied pool has at least, but for one that is to be empty.
 */
export function toPool(testCase: EppCase, fewest: number): readonly PoolEndpoint[] {
  const { fields, name } = testCase;
  if (fields.has("pods")) return fields.objects("pods").map(toEndpoint);
  if (fields.has("endpoints")) return fields.texts("endpoints").map((address, i) => idleEndpoint(address, i));
  return /\bno (?:pods|endpoints)\b|\bempty pool\b/.test(name) ? [] : impliedPool(fields, fewest);
}

function toEndpoint(pod: Fields): PoolEndpoint {
  const known = ["index", "address", "port", "waiting_queue_size", "kv_cache_usage", "active_models", "labels"];
  const unknown = pod.unknown(known);
  if (unknown.length > 0) throw new NotApplicable("unknown fields", `pods: ${unknown.join(", ")}`);
  const host = pod.string("address");
  const port = pod.has("port") ? pod.number("port") : defaultPort;
  return {
    id: `default/pod-${pod.number("index")}-rank-0`,
    address: host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`,
    labels: pod.strings("labels"),
    waitingRequests: pod.has("waiting_queue_size") ? pod.number("waiting_queue_size") : 0,
    kvCacheUsage: pod.has("kv_cache_usage") ? pod.number("kv_cache_usage") : 0,
    activeModels: pod.texts("active_models"),
  };
}

/**
 * Three endpoints or more by the naming rule of the file, and every other that the case's hints name. Each has one
 * request more in its queue than the one before, so that the best is known. Where nothing
 * is to be found, what the hints name is not there.
 */
function impliedPool(fields: Fields, fewest: number): readonly PoolEndpoint[] {
  const hints = fields.list("send").map((entry) => (isRecord(entry) ? entry.filter_metadata : undefined));
  const isRefused = /\b503\b/.test(JSON.stringify(fields.values.want ?? ""));
  const text = isRefused ? "" : JSON.stringify([hints, fields.values.want]);
  const named = text.match(/\d+\.\d+\.\d+\.\d+:\d+|\[[0-9a-fA-F:]*:[0-9a-fA-F:]*\]:\d+/g) ?? [];
  const ruled = Array.from({ length: Math.max(3, fewest) }, (_, i) => `192.168.1.${i + 1}:${defaultPort}`);
  return [...new Set([...ruled, ...named])].map((address, i) => idleEndpoint(address, i, i));
}

/**
 * Endpoints of a unit case, given as `ip` or `ip:port`. Where it leaves the port open the endpoint is one that the hint
 * could mean: on a port named with its address, or on the default one.
 */
export function toUnitPool(addresses: readonly string[], hint: unknown): readonly PoolEndpoint[] {
  const text = JSON.stringify(hint) ?? "";
  return addresses.map((address, i) => {
    if (/\]:\d+$|^[^:]+:\d+$/.test(address)) return idleEndpoint(address, i);
    const host = address.includes(":") && !address.startsWith("[") ? `[${address}]` : address;
    const escaped = host.replace(/[[\]().*+?^$|\\]/g, "\\$&");
    const port = new RegExp(`(?<![\\d.])${escaped}:(\\d+)`).exec(text)?.[1] ?? defaultPort;
    return idleEndpoint(`${host}:${port}`, i);
  });
}
