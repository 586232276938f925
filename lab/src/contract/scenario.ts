import type { EngineConfig } from "../engine/index.ts";
import type { Workload } from "./workload.ts";

/** A model server of the fleet. */
export interface LabServer {
  /** Unique in the scenario, `name-1`; its endpoint's id. */
  readonly name: string;
  readonly engine: EngineConfig;
  /** Name of the model that it serves, as its pages tell; absent = they name none, and it takes requests for any. */
  readonly model?: string;
  readonly labels: Readonly<Record<string, string>>;
  /** LoRA adapters that it serves besides its model. */
  readonly adapters: readonly string[];
  /** Adapters that fit in one batch; 0 = it serves none. */
  readonly maxAdapters: number;
  /** How much longer its steps take than the model says, above 0; 1 = no longer. */
  readonly slowdown: number;
}

/** Something that happens to the fleet while it serves; `slowdown`: steps take so much longer from then on, 1 = no longer. */
export type LabEvent = {
  /** Virtual ms from the start. */
  readonly atMs: number;
  /** Names of servers. */
  readonly servers: readonly string[];
} & (
  | { readonly kind: "slowdown"; readonly factor: number }
  /** They are gone at once: what is under way there fails. */
  | { readonly kind: "crash" }
  /** They get no new requests, finish what is under way, and leave. */
  | { readonly kind: "leave" }
  /** They join (again), empty, and answer their first scrape after so long. */
  | { readonly kind: "join"; readonly startMs: number }
);

/** What is done to the answers of one plugin, by its name in the configuration. */
export interface PluginDisturbance {
  /** Virtual ms that an answer takes; 0 = none. */
  readonly latencyMs: number;
  /** Share of calls that are never answered, in [0, 1]. */
  readonly missShare: number;
  /** When it is lost, virtual ms from the start, ascending, and for how long. */
  readonly outages: readonly { readonly atMs: number; readonly forMs: number }[];
}

/** All that one simulation runs by, checked. Times are virtual ms. */
export interface Scenario {
  readonly name: string;
  /** 32 bits: of the workload, of decisions and of everything else that is drawn. */
  readonly seed: number;
  readonly servers: readonly LabServer[];
  /** Servers that are there from the start: those that no first `join` event names. */
  readonly events: readonly LabEvent[];
  /** File of the configuration as it was named, for messages. */
  readonly configName: string;
  /** Text of the configuration (EndpointPickerConfig). */
  readonly configText: string;
  /** Folder that paths in the configuration start from. */
  readonly configFolder: string;
  readonly workload: Workload;
  /** End of arrivals; what is under way then is finished. `Infinity` = the workload's own end. */
  readonly durationMs: number;
  /** Time between two scrapes of a server; default 50. */
  readonly scrapeIntervalMs: number;
  /** How much older values are than their scrape; default 0. */
  readonly stalenessMs: number;
  /** Added to every TTFT: HTTP, tokeniser; default 0. The published runs' is 50 to 70. */
  readonly overheadMs: number;
  /** Client's time-out for a whole answer; `Infinity` = none. */
  readonly clientTimeoutMs: number;
  /** Time that a prompt's KV blocks take from one server to another, per token, in µs. */
  readonly kvTransferUsPerToken: number;
  /** Requests that are left out of the results: those that arrive before; default 0. */
  readonly warmUpMs: number;
  readonly disturbances: Readonly<Record<string, PluginDisturbance>>;
}
