import type { ResolvedEntry, ResolvedPlugin } from "./check-plugins.ts";
import type { Reporter } from "./reporter.ts";
import type { ProducerPlace } from "./types.ts";

type Plugin = ResolvedPlugin & { readonly index: number };

/**
 * Orders producers by the data they read: those of a wave run at once, each wave after what it reads.
 * Reports data that two write, and producers that wait for each other.
 */
export function planWaves(entries: Iterable<ResolvedEntry>, report: Reporter): readonly (readonly ProducerPlace[])[] {
  const plugins = [...entries].filter((entry) => entry.kind === "plugin");
  const producers = plugins.filter(({ role }) => role === "producer");
  const writers = findWriters(producers, report);
  const waves: ProducerPlace[][] = [];
  const ready = new Set<Plugin>();
  let waiting = producers;
  while (waiting.length > 0) {
    const wave = waiting.filter((producer) => sourcesOf(producer, writers).every((source) => ready.has(source)));
    if (wave.length === 0) {
      reportCycle(waiting, report);
      return waves;
    }
    waves.push(wave.map(({ spec: { name, budgetMs } }) => ({ name, budgetMs })));
    for (const producer of wave) ready.add(producer);
    waiting = waiting.filter((producer) => !ready.has(producer));
  }
  return waves;
}

function findWriters(producers: readonly Plugin[], report: Reporter): ReadonlyMap<string, Plugin> {
  const writers = new Map<string, Plugin>();
  for (const producer of producers) {
    for (const key of producer.produces) {
      const first = writers.get(key);
      if (first === undefined) writers.set(key, producer);
      else report.fault(["plugins", producer.index], `writes ${key}, as ${first.spec.name} does`, "keep one of them");
    }
  }
  return writers;
}

function sourcesOf({ asks = [] }: Plugin, writers: ReadonlyMap<string, Plugin>): readonly Plugin[] {
  return asks.flatMap(({ key }) => writers.get(key) ?? []);
}

function reportCycle(waiting: readonly Plugin[], report: Reporter): void {
  const names = waiting.map(({ spec }) => spec.name).join(", ");
  report.fault(["plugins", waiting[0]!.index], `waits for data in a circle: ${names}`, "remove one of them");
}
