import { OutriderError } from "@outrider/core";
import { type EngineSpec, type ScrapedKey, scrapedColumns } from "./engine-specs.ts";
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
  const names = spec.series.map(({ metric }) => Buffer.from(metric));
  const layout = createPageLayout(spec.series.map(({ metric }) => metric));
  const result = createPageResult(columns);
  const readers = spec.series.map((series) => createFamilyReader(series, columns, result));
  return {
    columns,
    parse(page) {
      result.clear();
      const located = layout.locate(page);
      if (!spec.series.some(({ kind }, i) => kind !== "start" && located[i].length > 0)) throw foreignPage(spec, page);
      for (const [i, reader] of readers.entries()) {
        reader.begin();
        for (const start of located[i]) readGroup(page, start, names[i], reader, result);
        reader.end(page);
      }
      return result;
    },
  };
}

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
