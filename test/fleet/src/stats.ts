import type { StageCounts } from "./stages/sidecar.ts";

/** What one server has done since its start, and what it does now. */
export interface ServerStats extends Readonly<StageCounts> {
  /** Its `ip:port`. */
  readonly endpoint: string;
  /** What it is, as in the label `llm-d.ai/role`; empty: a server without the label. */
  readonly role: string;
  /** Inference requests that came. */
  readonly requests: number;
  /** Of these, answered to the last token. */
  readonly completed: number;
  /** Of these, given up because the client left or a fault reset the connection. */
  readonly aborted: number;
  /** Of these, refused or failed with a status of 400 or above. */
  readonly failed: number;
  /** Requests in the running batch now. */
  readonly running: number;
  /** Requests queued behind it now. */
  readonly waiting: number;
  /** HTTP requests of any kind in progress now. */
  readonly openRequests: number;
  /** Share of the KV blocks in use now, in [0, 1]. */
  readonly kvUsage: number;
  /** Prompt tokens of admitted requests. */
  readonly promptTokens: number;
  /** Of these, found in the prefix cache. */
  readonly cachedTokens: number;
  /** Tokens generated. */
  readonly generatedTokens: number;
  /** Requests that lost their KV blocks and were computed again. */
  readonly preemptions: number;
}

/** Counts of all servers together. */
export interface FleetTotal extends Omit<ServerStats, "endpoint" | "role" | "kvUsage"> {
  /** `cachedTokens ÷ promptTokens`, in [0, 1]; 0 before the first prompt. */
  readonly hitRate: number;
}

/** What a fleet has done and does. */
export interface FleetStats {
  /** A row a server, in order of the endpoints. */
  readonly servers: readonly ServerStats[];
  /** Their sum. */
  readonly total: FleetTotal;
}

/** Adds up. */
export function toFleetStats(servers: readonly ServerStats[]): FleetStats {
  const sum = (name: Exclude<keyof ServerStats, "endpoint" | "role">) =>
    servers.reduce((all, server) => all + server[name], 0);
  const promptTokens = sum("promptTokens");
  const cachedTokens = sum("cachedTokens");
  const total = {
    requests: sum("requests"),
    completed: sum("completed"),
    aborted: sum("aborted"),
    failed: sum("failed"),
    running: sum("running"),
    waiting: sum("waiting"),
    openRequests: sum("openRequests"),
    promptTokens,
    cachedTokens,
    generatedTokens: sum("generatedTokens"),
    preemptions: sum("preemptions"),
    prefills: sum("prefills"),
    encodes: sum("encodes"),
    prefilled: sum("prefilled"),
    encoded: sum("encoded"),
    forwarded: sum("forwarded"),
    misrouted: sum("misrouted"),
    peerFailures: sum("peerFailures"),
    hitRate: promptTokens === 0 ? 0 : cachedTokens / promptTokens,
  };
  return { servers, total };
}
