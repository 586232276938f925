import { Fields, isRecord } from "./fields.ts";

/** What all cases of a file share. */
export interface Fixtures {
  /** Named EPP configurations, in the file's short form. */
  readonly configs: Readonly<Record<string, unknown>>;
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
  const configs = isRecord(file.fixtures) && isRecord(file.fixtures.configs) ? file.fixtures.configs : {};
  return { fixtures: { configs }, cases: file.cases.map(toCase) };
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
