import type { AnyDefinition, EndpointChange, EndpointSnapshot, Need, Producer, Scorer } from "@outrider/core";

/** Where a plugin runs. */
export type Placement = "inline" | "worker" | "process" | "remote";

/** One built-in type of the catalogue. */
export interface BuiltinType {
  /** Loads its declaration. */
  readonly load: () => Promise<AnyDefinition>;
  /** File that serves it as a process of its own; a path that Node runs. */
  readonly main: string;
}

/** Built-in plugin types by `type:`. */
export type PluginCatalogue = Readonly<Record<string, BuiltinType>>;

/** How a plugin process is reached: a command the host starts, or an address. */
export type ProcessSpec = {
  /** Name of the process in the configuration; processes of built-in types are named after their plugin. */
  readonly name: string;
  /** Environment added to the allow-listed one. */
  readonly env: Readonly<Record<string, string>>;
} & (
  | { readonly kind: "command"; readonly command: readonly string[]; readonly cwd: string }
  /** `unix:PATH`, `h2c://`, `http://` or `https://` with host and port. */
  | { readonly kind: "url"; readonly url: string }
);

/** One configured scorer or producer, checked. */
export interface PluginSpec {
  /** Key of the instance in the configuration. */
  readonly name: string;
  readonly type: string;
  readonly placement: Placement;
  /** Name of its process, for `process` and `remote`. */
  readonly process: string | undefined;
  /** `parameters:` as written. */
  readonly parameters: unknown;
  /** Cap within the decision's budget, in ms. */
  readonly budgetMs: number;
  /** Needs the operator declared for plugins that cannot (basic profile). */
  readonly needs: readonly Need[] | undefined;
  /** What the operator grants beyond what asking is enough for. */
  readonly grant: readonly Need[];
  /** Whether the host reports ready only when this plugin is. */
  readonly required: boolean;
  /** Path of the plugin in the configuration, for messages, such as `plugins[2]`. */
  readonly path: string;
}

/** Stage of a plugin's life. */
export type PluginState =
  | "discovered"
  | "starting"
  | "handshaking"
  | "configuring"
  | "syncing"
  | "shadow"
  | "active"
  | "degraded"
  | "draining"
  | "stopped"
  | "ejected"
  | "backoff"
  | "quarantined"
  | "failed";

/** How a plugin that is no code of the host's is spoken to. */
export type PluginProfile = "basic" | "session";

/** What an operator wants to know of one configured plugin. */
export interface PluginStatus {
  readonly name: string;
  readonly type: string;
  readonly placement: Placement;
  readonly process: string | undefined;
  readonly state: PluginState;
  /** Why it is not active; empty where it is. */
  readonly message: string;
  /** `undefined` until it has shaken hands, and inline. */
  readonly profile: PluginProfile | undefined;
  readonly pid: number | undefined;
  /** Starts and connections after the first. */
  readonly restarts: number;
  /** Calls by outcome: scored, abstained, late, failed, shed. */
  readonly calls: Readonly<Record<"scored" | "abstained" | "late" | "failed" | "shed", number>>;
  /** Calls put to it and not answered. */
  readonly inFlight: number;
  /** Answers that came after the bell and were dropped. */
  readonly lateAnswers: number;
  /** Answers that broke the contract. */
  readonly violations: number;
  /** Snapshots published and not yet acknowledged by its process. */
  readonly revLag: number;
  /** Events that its process was too slow for. */
  readonly droppedFeedback: number;
  /** Last answer that broke the contract, as it came; `undefined` = none. */
  readonly offendingFrame: Uint8Array | undefined;
  /** Last error, as `CODE: message`; empty = none. */
  readonly lastError: string;
  /** Keys granted. */
  readonly granted: readonly string[];
}

/** What the runtime itself knows of a plugin; how its calls counted in decisions is the scheduler's to say. */
export type PluginReport = Omit<PluginStatus, "calls">;

/** The configured plugins, running. */
export interface PluginRuntime {
  /** Starts processes and connects; resolves when all are active or `timeoutMs` has passed. Plugins go on connecting. */
  start(timeoutMs: number): Promise<void>;
  /** Scorer or producer of a configured plugin; the same object for its whole life, whatever its state. */
  scorer(name: string): Scorer;
  producer(name: string): Producer;
  /** Union of what was granted: what the host has to know of a request. Another array when a handshake changes it. */
  readonly granted: readonly Need[];
  /** Hands a new snapshot to everybody who keeps state. */
  publish(snapshot: EndpointSnapshot, change: EndpointChange): void;
  /** Names of `required` plugins that are not active. */
  missingRequired(): readonly string[];
  status(): readonly PluginReport[];
  /** Drains and ends everything: Drain, SIGTERM, after 2 s SIGKILL of the process group. */
  stop(): Promise<void>;
}
