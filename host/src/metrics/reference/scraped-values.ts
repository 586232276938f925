import type { EndpointTable, PolicyFigure, PoolView, Screener, SnapshotColumns } from "@outrider/core";
import { saturationByStage } from "@outrider/core";
import type { DataLayerFaults } from "../../datalayer/metrics.ts";
import type { RequestRules } from "../../scheduling/request-rules.ts";
import { toEndpointName } from "./endpoint-name.ts";
import type { FamilySpec } from "./family-spec.ts";
import type { Sample } from "./register-family.ts";

/** What metrics are read from when they are scraped. */
export interface ScrapedParts {
  readonly table: Pick<EndpointTable, "current" | "inflight">;
  readonly rules: () => Pick<RequestRules, "detector" | "screeners">;
  readonly nowMs: () => number;
  /** Label of the pool. */
  readonly poolName: string;
  /** What of the data layer came to nothing; absent where there is none. */
  readonly faults?: DataLayerFaults | undefined;
  /** Outrider's version. */
  readonly version: string;
}

/** Columns that the pool is summed up by. */
type LoadColumn = keyof Pick<SnapshotColumns, "kvCacheUsage" | "waitingRequests" | "runningRequests">;

/** Reads what is told of the pool and its endpoints now. */
export class ScrapedValues {
  readonly #parts: ScrapedParts;

  constructor(parts: ScrapedParts) {
    this.#parts = parts;
  }

  /** Mean of a column over the ready endpoints; nothing where it is unknown of all. */
  mean(column: LoadColumn): readonly Sample[] {
    const values = this.#known(column);
    return values.length === 0 ? [] : [{ labels: [this.#parts.poolName], value: meanOf(values) }];
  }

  /** Standard deviation of the same values. */
  deviation(column: LoadColumn): readonly Sample[] {
    const values = this.#known(column);
    if (values.length === 0) return [];
    const mean = meanOf(values);
    const variance = meanOf(values.map((value) => (value - mean) ** 2));
    return [{ labels: [this.#parts.poolName], value: Math.sqrt(variance) }];
  }

  ready(): readonly Sample[] {
    return [{ labels: [this.#parts.poolName], value: this.#ready().length }];
  }

  queues(): readonly Sample[] {
    const { poolName, table } = this.#parts;
    const { columns, at } = table.current;
    return Array.from(this.#ready(), (slot) => {
      return { labels: [poolName, toEndpointName(at(slot)!).name], value: columns.waitingRequests[slot] };
    }).filter(({ value }) => !Number.isNaN(value));
  }

  saturation(): readonly Sample[] {
    const { poolName, rules } = this.#parts;
    const stages = saturationByStage(rules().detector, this.#view());
    return Object.entries(stages).map(([stage, value]) => ({ labels: [poolName, stage], value }));
  }

  stale(): readonly Sample[] {
    const { detector } = this.#parts.rules();
    const view = this.#view();
    if (detector.isStale === undefined) return [];
    return [{ labels: [detector.name], value: view.slots.filter((slot) => detector.isStale?.(view, slot)).length }];
  }

  inflight(column: "requests" | "promptTokens"): readonly Sample[] {
    const { current, inflight } = this.#parts.table;
    return Array.from(current.live, (slot) => {
      const { name, namespace } = toEndpointName(current.at(slot)!);
      return { labels: [name, namespace, "inflight-load-producer"], value: inflight[column][slot] };
    });
  }

  unfetched(): readonly Sample[] {
    const { faults } = this.#parts;
    if (faults === undefined) return [];
    return [
      { labels: ["metrics-data-source"], value: faults.metrics.unfetched },
      { labels: ["models-data-source"], value: faults.models.unfetched },
    ];
  }

  unread(): readonly Sample[] {
    const { faults } = this.#parts;
    if (faults === undefined) return [];
    return [
      { labels: ["metrics-data-source", "core-metrics-extractor"], value: faults.metrics.unread },
      { labels: ["models-data-source", "models-data-extractor"], value: faults.models.unread },
    ];
  }

  /** What screeners tell under the name of a family. */
  figures({ name: family, labels }: FamilySpec): readonly Sample[] {
    const { table, rules } = this.#parts;
    const told = (screener: Screener) => screener.figures?.(table.current) ?? [];
    return rules().screeners.flatMap((screener) =>
      told(screener)
        .filter((figure) => nameOf(figure) === family)
        .map(({ labels: own, value }) => {
          const all: Readonly<Record<string, string>> = {
            ...own,
            plugin_name: screener.name,
            plugin_type: screener.type,
          };
          return { labels: labels.map((label) => all[label] ?? ""), value };
        }),
    );
  }

  info(): readonly Sample[] {
    return [{ labels: ["", this.#parts.version], value: 1 }];
  }

  #known(column: LoadColumn): readonly number[] {
    const values = this.#parts.table.current.columns[column];
    return Array.from(this.#ready(), (slot) => values[slot]).filter((value) => !Number.isNaN(value));
  }

  #ready(): Uint32Array {
    const { live, ready } = this.#parts.table.current;
    return live.filter((slot) => ready[slot] === 1);
  }

  #view(): PoolView {
    const { table, nowMs } = this.#parts;
    return { snapshot: table.current, slots: this.#ready(), inflight: table.inflight, nowMs: nowMs() };
  }
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

function nameOf({ kind, name }: PolicyFigure): string {
  return kind === "counter" ? `${name}_total` : name;
}
