import { Fields, isRecord } from "./fields.ts";

/** What all cases of a file share. */
export interface Fixtures {
  /** Named EPP configurations, in the file's short form. */
  readonly configs: Readonly<Record<string, unknown>>;
  /** Name of the pool; empty = none. */
  readonly poolName: string;
  /** Priorities of objectives. */
  readonly objectives: Readonly<Record<string, number>>;
  /** Models that some of the client's become. */
  readonly modelRewrites: Readonly<Record<string, string>>;
}

/** One case as it stands in its file. */
export interface EppCase {
  readonly id: string;
  readonly name: string;
  readonly group: string;
  readonly level: string;
  /** What the row cannot say; empty = none. */
  readonly notes: string;
  /** The whole row. */
  readonly fields: Fields;
}

/** A file of cases, read. */
export interface CaseFile {
  readonly fixtures: Fixtures;
  readonly cases: readonly EppCase[];
}

/** The file is none of cases. */
export class CaseFileError extends Error {}

/**
 * Reads the text of a file; a row that lacks a field keeps its place, so that its result says so.
 * @throws {CaseFileError} when the text is no JSON, has another `schema_version`, or no list of cases.
 */
export function parseCaseFile(text: string): CaseFile {
  const file = parseObject(text);
  if (file.schema_version !== 1) {
    throw new CaseFileError(`schema_version is ${JSON.stringify(file.schema_version)}, must be 1`);
  }
  if (!Array.isArray(file.cases)) throw new CaseFileError("cases is missing or no list");
  return { fixtures: toFixtures(isRecord(file.fixtures) ? file.fixtures : {}), cases: file.cases.map(toCase) };
}

function toFixtures({ configs, pool, objectives, model_rewrites }: Readonly<Record<string, unknown>>): Fixtures {
  const entries = (value: unknown) => (isRecord(value) ? Object.entries(value) : []);
  return {
    configs: isRecord(configs) ? configs : {},
    poolName: isRecord(pool) && typeof pool.name === "string" ? pool.name : "",
    objectives: Object.fromEntries(entries(objectives).filter(isPriority)),
    modelRewrites: Object.fromEntries(entries(model_rewrites).filter(isRewrite)),
  };
}

function isPriority(entry: [string, unknown]): entry is [string, number] {
  return Number.isInteger(entry[1]);
}

function isRewrite(entry: [string, unknown]): entry is [string, string] {
  return typeof entry[1] === "string";
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new CaseFileError(`no JSON: ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  if (!isRecord(value)) throw new CaseFileError("the file holds no object");
  return value;
}

function toCase(row: unknown, index: number): EppCase {
  const record = isRecord(row) ? row : {};
  const text = (key: string) => (typeof record[key] === "string" ? record[key] : "");
  return {
    id: text("id") || `case ${index + 1}`,
    name: text("name"),
    group: text("group"),
    level: text("level"),
    notes: text("notes"),
    fields: new Fields(record, "case"),
  };
}
