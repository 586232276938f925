import type { AnyDefinition, EndpointChange, EndpointSnapshot, Need, Producer, Scorer } from "@outrider/core";

/** Where a plugin runs. */
export type Placement = "inline" | "worker" | "process" | "remote";

/** One built-in type of the catalogue. */
export interface BuiltinType {
  /** Loads its declaration. */
  readonly load: () => Promise<AnyDefinition>;
  /** File that serves it as a process of its own; a path that Node runs. */
  readonly main: string;
  /** Module that exports its declaration, absolute path or `file:` URL; a type without one runs on no thread. */
  readonly module?: string;
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
  | {
      readonly kind: "command";
      readonly command: readonly string[];
      readonly cwd: string;
      /** SHA-256 that the program's file must have, lower-case hex; default any. */
      readonly sha256?: string | undefined;
    }
  | {
      readonly kind: "url";
      /** `unix:PATH`, `h2c://`, `http://` or `https://` with host and port. A name with several addresses has replicas. */
      readonly url: string;
      /** File with the bearer token, read again when it changes; default none. */
      readonly tokenFile?: string | undefined;
      /** Certificates for `https://`; default the system's authorities, and none of our own. */
      readonly tls?: RemoteTls | undefined;
    }
);

/** PEM files, absolute paths, read again when they change. */
export interface RemoteTls {
  /** Authorities that the server's certificate is checked against; `undefined` = the system's. */
  readonly caFile: string | undefined;
  /** The host's own certificate and key, for mTLS; both or neither. */
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  /** Name that the server's certificate must be for; `undefined` = the URL's. */
  readonly serverName: string | undefined;
}

/** The threads of the `worker` placement. */
export interface WorkerPoolSpec {
  /** Threads, ≥ 1. */
  readonly threads: number;
  /** Heap of one thread, in MiB. */
  readonly memoryMb: number;
}

/** One configured scorer or producer, checked. */
export interface PluginSpec {
  /** Key of the instance in the configuration. */
  readonly name: string;
  readonly type: string;
  readonly placement: Placement;
  /** Absolute path of a module that declares the type, for `inline` and `worker`; default a built-in type. */
  readonly module?: string | undefined;
  /** Name of its process, for `process` and `remote`. */
  readonly process: string | undefined;
  /** `parameters:` as written. */
  readonly parameters: unknown;
  /** Cap within the decision's budget, in ms. */
  readonly budgetMs: number;
  /** What is asked for besides what the plugin says: by its parameters, or by the operator, for all of it in the basic profile. */
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
export type PluginProfile = "basic" | "replicated" | "session" | "push";

/** One edge of a plugin's life. */
export interface PluginEvent {
  /** Unix ms. */
  readonly atMs: number;
  /** Generation that took it. */
  readonly generation: number;
  readonly from: PluginState;
  readonly to: PluginState;
  /** Why; may be empty. */
  readonly message: string;
}

/** Two points of a distribution, in µs. */
export interface DurationQuantiles {
  readonly p50Us: number;
  readonly p99Us: number;
}

/** Where the time of a plugin's calls goes, over the last minute or so; `undefined` where there was no call. */
export interface CallTimes {
  /** Call to answer, as the host sees it. */
  readonly call: DurationQuantiles | undefined;
  /** Of that, before the call was on the wire: encoding, and the rest of its turn of the event loop. */
  readonly host: DurationQuantiles | undefined;
  /** Of that, neither in the host nor in the plugin. */
  readonly wire: DurationQuantiles | undefined;
  /** Of that, what the plugin says it spent; `undefined` too where it does not say. */
  readonly plugin: DurationQuantiles | undefined;
}

/** What the life of one configured plugin was like so far. */
export interface PluginHistory {
  /** From 1; grows with every upgrade and change of its configuration. */
  readonly generation: number;
  /** As it said in its handshake; empty: it said none. */
  readonly pluginVersion: string;
  /** The latest edges of its life, oldest first, at most 32. */
  readonly events: readonly PluginEvent[];
  readonly times: CallTimes;
  /** States sent whole after the first. */
  readonly resyncs: number;
}

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

/** What plugins are to run. */
export interface PluginSetup {
  /** Configured scorers and producers, checked. */
  readonly specs: readonly PluginSpec[];
  /** Processes that they name; one that no spec names is not started. */
  readonly processes: readonly ProcessSpec[];
  readonly workers: WorkerPoolSpec;
  /** Budget of a decision, in ms. */
  readonly decisionBudgetMs: number;
}

/** How a new generation did beside the old one, before it took over. */
export interface Comparison {
  /** Process or plugin. */
  readonly name: string;
  /** Of the new one. */
  readonly generation: number;
  /** Calls that both were put. */
  readonly calls: number;
  /** Share of them that both answered, with the same best candidates; `NaN` where there were none. */
  readonly agreement: number;
  /** Call to answer; `undefined` where there were none. */
  readonly before: DurationQuantiles | undefined;
  readonly after: DurationQuantiles | undefined;
}

/** A setup that runs beside the one in force. */
export interface PreparedSetup {
  /** As {@link PluginRuntime.scorer}, of the new setup: what has not changed is the same object. */
  scorer(name: string): Scorer;
  producer(name: string): Producer;
  /** One entry per process or plugin that was started anew beside an old one of its name. */
  readonly comparisons: readonly Comparison[];
  /** Puts it in force at once; what is not in it any more is drained, its state handed on, and ended, in the background. */
  commit(): void;
  /** Ends what was started for it. */
  discard(): Promise<void>;
}

/** Sees every message of the plugins' connections, as it travels: what was not granted is not in it. */
export type FrameListener = (frame: {
  readonly process: string;
  readonly generation: number;
  readonly atMs: number;
  readonly direction: "sent" | "received";
  /** Encoded `SessionRequest` or `SessionResponse`; only valid during the call. */
  readonly message: Uint8Array;
}) => void;

/** Changes of what runs, without a request that notices. */
export interface PluginGenerations {
  /**
   * Starts what differs from the setup in force beside it, as the next generation: synced, then asked in shadow for at
   * least 200 calls or 10 s where it stands for an older one. An upgrade that is under way ends first.
   * @throws {OutriderError} `CONFIG_INVALID`, or why a plugin that an older one serves well does not start; nothing is
   *   changed then.
   */
  prepare(next: PluginSetup): Promise<PreparedSetup>;
  /**
   * Starts a process anew beside the running one, from the same command, and swaps: the way to a new version of a plugin.
   * @throws {OutriderError} as {@link prepare}; the old one goes on then.
   */
  upgrade(process: string): Promise<Comparison>;
  /** Tries a quarantined or failed plugin's process again. False where it is neither. */
  release(plugin: string): boolean;
  /**
   * Listens to the frames of all connections; returns what ends it. Of a connection that is open already it is shown at
   * once, with the times of then, how it was opened, and then the whole table, which is sent again.
   */
  tap(listener: FrameListener): () => void;
  /**
   * As {@link tap}, but shown nothing of what was before, and nothing is sent again for it. Of plugins on threads it is
   * shown, under the process `worker:` and their name, in which order they are handed calls and events.
   */
  overhear(listener: FrameListener): () => void;
}

/** The configured plugins, running. */
export interface PluginRuntime extends PluginGenerations {
  /** Starts processes and connects; resolves when all are active or `timeoutMs` has passed. Plugins go on connecting. */
  start(timeoutMs: number): Promise<void>;
  /**
   * Scorer or producer of a configured plugin of the setup in force; the same object for its whole life, whatever its
   * state, across upgrades, and across changes of the configuration as long as it stays of its type behind a connection.
   */
  scorer(name: string): Scorer;
  producer(name: string): Producer;
  /** Union of what was granted: what the host has to know of a request. Another array when a handshake changes it. */
  readonly granted: readonly Need[];
  /** Hands a new snapshot to everybody who keeps state. */
  publish(snapshot: EndpointSnapshot, change: EndpointChange): void;
  /**
   * Sends at once what plugins were told and what was published, instead of gathering it for a while. True where all of
   * it is on its way to who is connected, so that a call put now comes behind it; else it is to be asked again.
   */
  flush(): boolean;
  /** Breaks the connection to a process, which goes on and is connected to again; nothing happens where there is none. */
  reconnect(process: string): void;
  /** Names of `required` plugins that are not active. */
  missingRequired(): readonly string[];
  status(): readonly (PluginReport & PluginHistory)[];
  /** Drains and ends everything: Drain, SIGTERM, after 2 s SIGKILL of the process group. */
  stop(): Promise<void>;
}
