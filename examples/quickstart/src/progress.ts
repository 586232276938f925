import type { Fleet } from "@outrider/fleet";
import type { AdminClient, PluginView } from "./admin.ts";

/** Where a run stands. */
export interface Progress {
  readonly sent: number;
  readonly total: number;
  readonly answered: number;
  readonly failed: number;
  readonly decisions: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Cached ÷ prompt tokens by the fleet's own count, a fraction. */
  readonly hitRate: number;
  /** Requests by model server. */
  readonly endpoints: Readonly<Record<string, number>>;
  readonly plugins: readonly PluginView[];
}

/** Requests, as the one who sends them counts. */
export interface Tally {
  readonly total: number;
  sent: number;
  answered: number;
  failed: number;
}

/** Collects what host and fleet tell. */
export interface Gauge {
  read(): Promise<Progress>;
}

/**
 * @param tally counted by the sender, read at each call.
 * @param newDecisions decisions made between two readings at most; only so many are asked for, since the host answers on
 *   the event loop that decides.
 */
export function createGauge(tally: Tally, admin: AdminClient, fleet: Fleet, newDecisions: number): Gauge {
  const durations = new Map<string, number>();
  return {
    async read() {
      const [plugins, decisions, stats] = await Promise.all([
        admin.plugins(),
        admin.decisions(newDecisions),
        fleet.stats(),
      ]);
      for (const { id, durationMs } of decisions) durations.set(id, durationMs);
      const sorted = [...durations.values()].sort((a, b) => a - b);
      const quantile = (share: number) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
      return {
        ...tally,
        decisions: durations.size,
        p50Ms: quantile(0.5),
        p99Ms: quantile(0.99),
        hitRate: stats.total.hitRate,
        endpoints: Object.fromEntries(stats.servers.map(({ endpoint, requests }) => [endpoint, requests])),
        plugins,
      };
    },
  };
}
