import type { Combine, ScrapedKey, SeriesMatch, SeriesSpec } from "./engine-spec.ts";
import { createLabelMemory } from "./label-memory.ts";
import type { Sample } from "./sample-text.ts";

/** What the readers find on a page. */
export interface PageResult {
  /** Value per column; `NaN` = unknown. */
  readonly values: Float64Array;
  /** Start of the server's process, Unix seconds; `NaN` where the page does not tell. */
  startedAtS: number;
  /** A counter that only grows while the server runs; `NaN` where the page does not tell. */
  counter: number;
  /** `models`, `adapters_running`, `adapters_waiting`: names, sorted; the same object while none changes. */
  sets: Readonly<Record<string, readonly string[]>>;
  /** Lines of interest that break the format; their values are unknown. */
  unreadable: number;
  /** Forgets all but the sets, before the next page. */
  clear(): void;
}

/** An empty result. */
export function createPageResult(columns: readonly ScrapedKey[]): PageResult {
  return {
    values: new Float64Array(columns.length),
    startedAtS: Number.NaN,
    counter: Number.NaN,
    sets: {},
    unreadable: 0,
    clear() {
      this.values.fill(Number.NaN);
      this.startedAtS = this.counter = Number.NaN;
      this.unreadable = 0;
    },
  };
}

/** Reads one family of each page. */
export interface FamilyReader {
  begin(): void;
  /** One line of it. */
  add(page: Buffer, sample: Sample): void;
  end(page: Buffer): void;
}

/** The reader of one family; what it finds goes to `result`. */
export function createFamilyReader(
  series: SeriesSpec,
  columns: readonly ScrapedKey[],
  result: PageResult,
): FamilyReader {
  const reader = createReader(series, columns, result);
  return "match" in series && series.match !== undefined ? matchingReader(series.match, reader) : reader;
}

function createReader(series: SeriesSpec, columns: readonly ScrapedKey[], result: PageResult): FamilyReader {
  switch (series.kind) {
    case "gauge":
      return gaugeReader(series, columns.indexOf(series.column), result);
    case "info":
      return infoReader(series, columns, result);
    case "adapters":
      return adaptersReader(series, columns.indexOf(series.column), result);
    case "total":
      return countReader(columns.indexOf(series.column), result);
    case "start":
      return totalReader((value) => {
        result.startedAtS = value;
      }, Math.max);
    case "counter":
      return totalReader((value) => {
        result.counter = value;
      }, sum);
  }
}

const sum = (a: number, b: number) => a + b;

/** Hands on only the lines that have certain labels. */
function matchingReader(match: SeriesMatch, reader: FamilyReader): FamilyReader {
  const memory = createLabelMemory();
  const wanted = Object.entries(match);
  let line = 0;
  return {
    begin() {
      line = 0;
      reader.begin();
    },
    add(page, sample) {
      memory.read(page, line, sample.labelsStart, sample.labelsEnd);
      const labels = memory.labelsOf(line++);
      if (wanted.every(([label, value]) => labels?.get(label) === value)) reader.add(page, sample);
    },
    end(page) {
      memory.changed(line);
      reader.end(page);
    },
  };
}

function totalReader(write: (value: number) => void, combine: (a: number, b: number) => number): FamilyReader {
  let total = Number.NaN;
  let count = 0;
  return {
    begin() {
      total = Number.NaN;
      count = 0;
    },
    add(_page, { value }) {
      total = count === 0 ? value : combine(total, value);
      count += 1;
    },
    end: () => write(total),
  };
}

/** A count is unknown where one of its series is; a family that is not there leaves what another has found. */
function countReader(column: number, result: PageResult): FamilyReader {
  let total = Number.NaN;
  let count = 0;
  return {
    begin() {
      total = count = 0;
    },
    add(_page, { value }) {
      total += value >= 0 && Number.isFinite(value) ? value : Number.NaN;
      count += 1;
    },
    end() {
      if (count > 0) result.values[column] = total;
    },
  };
}

const combiners: Readonly<Record<Combine, (a: number, b: number) => number>> = {
  sum,
  mean: sum,
  max: Math.max,
  first: (a) => a,
};

function gaugeReader(
  { combine, min = 0, max = Infinity, modelLabel }: SeriesSpec & { kind: "gauge" },
  column: number,
  result: PageResult,
): FamilyReader {
  const models = modelLabel === undefined ? undefined : createLabelMemory();
  let total = 0;
  let count = 0;
  return {
    begin() {
      total = count = 0;
    },
    add(page, { value, labelsStart, labelsEnd }) {
      const measured = value >= min && value <= max && Number.isFinite(value) ? value : Number.NaN;
      total = count === 0 ? measured : combiners[combine](total, measured);
      models?.read(page, count, labelsStart, labelsEnd);
      count += 1;
    },
    end() {
      if (count > 0) result.values[column] = combine === "mean" ? total / count : total;
      if (models?.changed(count)) setNames(result, "models", models.values(modelLabel!));
    },
  };
}

function infoReader(
  { labels }: SeriesSpec & { kind: "info" },
  columns: readonly ScrapedKey[],
  result: PageResult,
): FamilyReader {
  const memory = createLabelMemory();
  const wanted = labels.map((label) => ({ ...label, column: columns.indexOf(label.column), value: Number.NaN }));
  let count = 0;
  return {
    begin() {
      count = 0;
    },
    add(page, { labelsStart, labelsEnd }) {
      memory.read(page, count, labelsStart, labelsEnd);
      count += 1;
    },
    end() {
      if (memory.changed(count)) {
        for (const entry of wanted) {
          const values = memory.values(entry.label).map(toCount);
          entry.value = entry.combine === "sum" ? values.reduce(sum, 0) : (values[0] ?? Number.NaN);
        }
      }
      if (count > 0) for (const { column, value } of wanted) result.values[column] = value;
    },
  };
}

function adaptersReader(
  { maxLabel, runningLabel, waitingLabel }: SeriesSpec & { kind: "adapters" },
  column: number,
  result: PageResult,
): FamilyReader {
  const memory = createLabelMemory();
  let latest = -Infinity;
  let start = 0;
  let end = 0;
  let max = Number.NaN;
  return {
    begin() {
      latest = -Infinity;
    },
    add(_page, { value, labelsStart, labelsEnd }) {
      if (!(value >= latest)) return;
      latest = value;
      start = labelsStart;
      end = labelsEnd;
    },
    end(page) {
      const count = latest === -Infinity ? 0 : 1;
      if (count > 0) memory.read(page, 0, start, end);
      if (memory.changed(count)) {
        max = toCount(memory.values(maxLabel)[0]);
        setNames(result, "adapters_running", memory.values(runningLabel).flatMap(toNames));
        setNames(result, "adapters_waiting", memory.values(waitingLabel).flatMap(toNames));
      }
      if (count > 0) result.values[column] = max;
    },
  };
}

/** A label as a count; `NaN` for what is none, such as `None`. */
function toCount(text: string | undefined): number {
  return text !== undefined && /^\d{1,15}(?:\.0)?$/.test(text) ? Number(text) : Number.NaN;
}

function toNames(list: string | undefined): string[] {
  return (list ?? "").split(",").map((name) => name.trim());
}

function setNames(result: PageResult, set: string, names: readonly (string | undefined)[]): void {
  const known = new Set(names.filter((name) => name !== undefined));
  known.delete("");
  result.sets = { ...result.sets, [set]: [...known].sort() };
}
