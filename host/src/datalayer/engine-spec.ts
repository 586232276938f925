import type { ColumnKey } from "@outrider/core";

/** Column that a scraped value goes to. */
export type ScrapedKey = ColumnKey | `metric.${string}` | `rate.${string}`;

/** Labels that a series must have, with their values; absent = any series of the family. */
export type SeriesMatch = Readonly<Record<string, string>>;

/** How the values of several series become one. */
export type Combine = "sum" | "mean" | "max" | "first";

/**
 * What one family of a metrics page is read for. A server may expose a family once per engine; how the values of its
 * engines become one says `combine`.
 */
export type SeriesSpec =
  /** The value is a measurement; what is not finite, below `min` (default 0) or above `max` is unknown. */
  | {
      readonly kind: "gauge";
      readonly metric: string;
      readonly match?: SeriesMatch;
      readonly column: ScrapedKey;
      readonly combine: Combine;
      readonly min?: number;
      readonly max?: number;
      /** Whether the value may be a count since the server's start; without it a family of type counter is unknown. */
      readonly takesCounter?: boolean;
      /** Label that names the model, for the set `models`. */
      readonly modelLabel?: string;
    }
  /** The measurements are labels; `first` is for what all engines share. */
  | {
      readonly kind: "info";
      readonly metric: string;
      readonly match?: SeriesMatch;
      readonly labels: readonly {
        readonly label: string;
        readonly column: ScrapedKey;
        readonly combine: "sum" | "first";
      }[];
    }
  /** The series with the largest value is the live one; its labels hold adapters, separated by commas. */
  | {
      readonly kind: "adapters";
      readonly metric: string;
      readonly match?: SeriesMatch;
      readonly column: ScrapedKey;
      readonly maxLabel: string;
      readonly runningLabel: string;
      readonly waitingLabel: string;
    }
  /** A count since the server's start, of all series; its column gets what it grows by a second. */
  | { readonly kind: "total"; readonly metric: string; readonly match?: SeriesMatch; readonly column: ScrapedKey }
  /** Start of the process in Unix seconds: a later one is a restart. */
  | { readonly kind: "start"; readonly metric: string }
  /** A counter that falls only with a restart; asked where the page names no start. */
  | { readonly kind: "counter"; readonly metric: string };

/** How one kind of model server names its metrics. */
export interface EngineSpec {
  /** Name of the engine, as in the label `llm-d.ai/engine-type`. */
  readonly engine: string;
  readonly series: readonly SeriesSpec[];
}

/** Columns that pages of an engine fill, each once. */
export function scrapedColumns({ series }: EngineSpec): readonly ScrapedKey[] {
  const keys = series.flatMap((spec) => {
    if (spec.kind === "info") return spec.labels.map(({ column }) => column);
    return "column" in spec ? [spec.column] : [];
  });
  return [...new Set(keys)];
}
