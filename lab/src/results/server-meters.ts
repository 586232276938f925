import type { LabServer, RequestOutcome, ServerSample } from "../contract/index.ts";
import { createFolding, type Folding } from "./folding.ts";
import { toPoint, toShare } from "./numbers.ts";
import type { ServerSummary } from "./types.ts";

/** Points of one line over all servers together, about. */
const pointBudget = 8192;
/** Not below the time between two samples of a simulation, or slots stay empty. */
const firstIntervalMs = 1000;
const column = { samples: 0, running: 1, waiting: 2, kvUsage: 3, waitingMax: 4 } as const;

/** Counts what servers are sent and how loaded they are. */
export function createServerMeters(servers: readonly LabServer[]) {
  const slots = slotsFor(servers.length);
  const load = servers.map(() => createFolding(["sum", "sum", "sum", "sum", "max"], slots, firstIntervalMs));
  const counts = servers.map(() => ({ requests: 0, ok: 0, outputTokens: 0, promptTokens: 0, cachedTokens: 0 }));
  let lastMs = Number.NaN;

  return {
    record(outcome: RequestOutcome) {
      const count = counts[outcome.server];
      if (count === undefined) return;
      count.requests++;
      if (outcome.kind === "ok") count.ok++;
      count.outputTokens += outcome.outputTokens;
      if (Number.isNaN(outcome.ttftMs) || Number.isNaN(outcome.cachedTokens)) return;
      count.promptTokens += outcome.request.promptTokens;
      count.cachedTokens += outcome.cachedTokens;
    },
    sample({ atMs, server, running, waiting, kvUsage }: ServerSample) {
      const folding = load[server];
      if (folding === undefined) return;
      lastMs = Number.isNaN(lastMs) ? atMs : Math.max(lastMs, atMs);
      folding.add(column.samples, atMs, 1);
      folding.add(column.running, atMs, running);
      folding.add(column.waiting, atMs, waiting);
      folding.add(column.kvUsage, atMs, kvUsage);
      folding.raise(column.waitingMax, atMs, waiting);
    },
    summaries(): { readonly loadIntervalMs: number; readonly servers: readonly ServerSummary[] } {
      for (const folding of load) folding.add(column.samples, lastMs, 0); // all as wide as the widest
      const [first] = load;
      return {
        loadIntervalMs: first?.intervalMs ?? 0,
        servers: servers.map(({ name }, i) => ({
          name,
          requests: counts[i]!.requests,
          ok: counts[i]!.ok,
          outputTokens: counts[i]!.outputTokens,
          hitRate: toShare(counts[i]!.cachedTokens, counts[i]!.promptTokens),
          ...toLines(load[i]!),
        })),
      };
    },
  };
}

function slotsFor(servers: number): number {
  const wanted = pointBudget / Math.max(1, servers);
  return 2 ** Math.min(8, Math.max(3, Math.floor(Math.log2(wanted))));
}

function toLines(folding: Folding) {
  const each = (value: (slot: number) => number) =>
    Array.from({ length: folding.used }, (_, slot) => toPoint(value(slot)));
  const samples = (slot: number) => folding.at(column.samples, slot);
  return {
    running: each((slot) => folding.at(column.running, slot) / samples(slot)),
    waiting: each((slot) => folding.at(column.waiting, slot) / samples(slot)),
    waitingMax: each((slot) => (samples(slot) > 0 ? folding.at(column.waitingMax, slot) : Number.NaN)),
    kvUsage: each((slot) => folding.at(column.kvUsage, slot) / samples(slot)),
  };
}
