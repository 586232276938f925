import { OutriderError } from "@outrider/core";
import { type EngineSpec, type ScrapedKey, scrapedColumns } from "./engine-spec.ts";
import { createFamilyReader, createPageResult, type FamilyReader, type PageResult } from "./family-readers.ts";
import { createPageLayout, startsWithName } from "./page-layout.ts";
import { createSample, readSample } from "./sample-text.ts";

/** What a page says; one object per parser, written anew with each page. */
export type ScrapedPage = Readonly<Omit<PageResult, "clear">>;

/** Reads the pages of one endpoint. */
export interface MetricsParser {
  /** Columns that pages fill. */
  readonly columns: readonly ScrapedKey[];
  /**
   * Reads what is wanted of a page and nothing else.
   * @throws {OutriderError} `METRICS_INVALID` where the page has no family of this engine, such as an HTML page.
   */
  parse(page: Buffer): ScrapedPage;
}

/** A parser for the pages of one endpoint: it remembers how its last page was laid out. */
export function createMetricsParser(spec: EngineSpec): MetricsParser {
  const columns = scrapedColumns(spec);
  const metrics = [...new Set(spec.series.map(({ metric }) => metric))];
  const layout = createPageLayout(metrics);
  const result = createPageResult(columns);
  const families = spec.series.map((series) => ({
    place: metrics.indexOf(series.metric),
    isOfEngine: series.kind !== "start",
    name: Buffer.from(series.metric),
    counterTypes: series.kind === "gauge" && series.takesCounter !== true ? counterTypesOf(series.metric) : [],
    reader: createFamilyReader(series, columns, result),
  }));
  return {
    columns,
    parse(page) {
      result.clear();
      const located = layout.locate(page);
      if (!families.some(({ isOfEngine, place }) => isOfEngine && located[place].length > 0)) {
        throw foreignPage(spec, page);
      }
      for (const { place, name, counterTypes, reader } of families) {
        reader.begin();
        if (isCounter(page, located[place][0], counterTypes)) {
          result.unreadable += 1;
          continue;
        }
        for (const start of located[place]) readGroup(page, start, name, reader, result);
        reader.end(page);
      }
      return result;
    },
  };
}

/** How a page declares a family to be a counter, in the older format and in OpenMetrics. */
function counterTypesOf(metric: string): readonly Buffer[] {
  return [metric, metric.replace(/_total$/, "")].map((name) => Buffer.from(`# TYPE ${name} counter`));
}

/** Whether the line before the first of a family declares it a counter: what grows for ever is no measurement. */
function isCounter(page: Buffer, start: number | undefined, counterTypes: readonly Buffer[]): boolean {
  if (start === undefined || start === 0 || counterTypes.length === 0) return false;
  const lineStart = start < 2 ? 0 : page.lastIndexOf(newline, start - 2) + 1;
  const lineEnd = page[start - 2] === carriageReturn ? start - 2 : start - 1;
  return counterTypes.some((type) => type.compare(page, lineStart, lineEnd) === 0);
}

const newline = 10;
const carriageReturn = 13;

function foreignPage({ engine }: EngineSpec, page: Buffer): OutriderError {
  const opening = page.toString("utf8", 0, 40).replaceAll(/\s+/g, " ");
  return new OutriderError(
    "METRICS_INVALID",
    `no metric of ${engine} among ${page.length} bytes that open with ${JSON.stringify(opening)}`,
  );
}

const sample = createSample();

function readGroup(page: Buffer, start: number, name: Buffer, reader: FamilyReader, result: PageResult): void {
  for (let at = start; at < page.length && startsWithName(page, at, name); at = sample.next) {
    readSample(page, at + name.length, sample);
    if (!sample.readable) result.unreadable += 1;
    reader.add(page, sample);
  }
}
