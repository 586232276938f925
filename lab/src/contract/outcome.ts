import type { LabRequest } from "./workload.ts";

/** How a request of a simulation ended. */
export type OutcomeKind =
  /** Answered whole. */
  | "ok"
  /** Its client's time-out ended it. */
  | "timed_out"
  /** Its client gave up by itself. */
  | "aborted"
  /** The endpoint picker refused it. */
  | "refused"
  /** The server was lost, or could never hold it. */
  | "failed";

/** What became of one request; times are virtual ms from the start. */
export interface RequestOutcome {
  /** Counts requests in the order in which they were sent, from 0. */
  readonly number: number;
  readonly request: LabRequest;
  readonly kind: OutcomeKind;
  /** HTTP status that the client saw; 0 = none. */
  readonly status: number;
  readonly sentMs: number;
  /** Server it was sent to, as an index into the scenario's; -1 = none. */
  readonly server: number;
  /** Server that computed the prompt apart, -1 = none. */
  readonly prefillServer: number;
  /** Sent to first token; `NaN` = none came. */
  readonly ttftMs: number;
  /** When it ended. */
  readonly endMs: number;
  /** Tokens that the client got. */
  readonly outputTokens: number;
  /** Prompt tokens that the server found in its prefix cache. */
  readonly cachedTokens: number;
  /** Prompt tokens that producers or scorers believed to be cached there; `NaN` = nobody said. */
  readonly believedTokens: number;
  /** Decision's start to pick, in virtual ms. */
  readonly decisionMs: number;
}

/** State of a server at a moment, told at a steady interval. */
export interface ServerSample {
  readonly atMs: number;
  /** Index into the scenario's servers. */
  readonly server: number;
  readonly running: number;
  readonly waiting: number;
  /** Share of its KV blocks in use, in [0, 1]. */
  readonly kvUsage: number;
}

/** Hears what happens in a simulation, in the order of virtual time; keeps of it what its results need. */
export interface RunObserver {
  /** A request ended; those of the warm-up too, see {@link Scenario.warmUpMs}. */
  ended(outcome: RequestOutcome): void;
  sampled(sample: ServerSample): void;
  /** Where it stands, every so often in real time, for progress: virtual ms, and requests that have ended. */
  progress?(atMs: number, ended: number): void;
}

/** What is known of a simulation once it has ended, besides what its observer heard. */
export interface RunEnd {
  /** Virtual ms from the start to the end of the last request. */
  readonly endMs: number;
  /** Requests sent. */
  readonly sent: number;
  /** Calls of each plugin by how they ended, by its name in the configuration. */
  readonly plugins: Readonly<Record<string, Readonly<Record<string, number>>>>;
  /** SHA-256 over all picks in order, lower-case hex: equal where two runs decided alike. */
  readonly picksSha256: string;
  /** Whether it was ended before its time, and why; `undefined` = it was not. */
  readonly cutShort: string | undefined;
}
