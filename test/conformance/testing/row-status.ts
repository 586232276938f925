import { parseCaseFile } from "../case-file.ts";
import { runCases } from "../run-cases.ts";

/** A row of a case file, less what names it. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * What becomes of one row; a failure with its reason.
 * @param fixtures those of the file; default none.
 */
export async function statusOf(row: Row, fixtures: Row = {}): Promise<string> {
  const [result] = await runCases(parseCaseFile(JSON.stringify({ schema_version: 1, fixtures, cases: [row] })));
  return result?.status === "fail" ? `fail: ${result.reason}` : (result?.status ?? "none");
}

/** The beginning of a row, to tell it by. */
export function titleOf({ group, given, want, send }: Row): string {
  return JSON.stringify([group ?? "derived", given ?? send, want]).slice(0, 140);
}
