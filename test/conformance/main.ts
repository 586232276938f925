import { readFileSync } from "node:fs";
import { CaseFileError, parseCaseFile } from "./case-file.ts";
import { runCases } from "./run-cases.ts";
import { summarize } from "./summary.ts";
import type { CaseResult } from "./verdict.ts";

const usage = "usage: npm run epp-cases -- [FILE] [--json]";

process.exitCode = await main(process.argv.slice(2));

/** Runs a file of cases and prints what became of each; 0 = none failed, 1 = some did, 2 = wrong usage or file. */
async function main(args: readonly string[]): Promise<number> {
  const unknown = args.filter((arg) => arg.startsWith("-") && arg !== "--json");
  const files = args.filter((arg) => !arg.startsWith("-"));
  if (unknown.length > 0 || files.length > 1) return refuse(usage);
  const path = files[0] ?? new URL("cases.json", import.meta.url);
  try {
    const isJson = args.includes("--json");
    const results = await runCases(parseCaseFile(readFileSync(path, "utf8")), isJson ? undefined : printLine);
    if (isJson) console.log(JSON.stringify(results));
    else printSummary(results);
    return results.some(({ status }) => status === "fail") ? 1 : 0;
  } catch (error) {
    if (error instanceof CaseFileError || isMissing(error)) return refuse(`${files[0]}: ${error.message}`);
    throw error;
  }
}

function isMissing(error: unknown): error is Error {
  return error instanceof Error && "code" in error && "syscall" in error;
}

function refuse(message: string): number {
  console.error(message);
  return 2;
}

function printLine({ id, status, reason }: CaseResult): void {
  console.log(`${status.padEnd(14)} ${id}${reason === "" ? "" : `  ${reason}`}`);
}

function printSummary(results: readonly CaseResult[]): void {
  const count = (status: string) => results.filter((result) => result.status === status).length;
  const counts = ["pass", "fail", "differs", "not_applicable"].map((status) => `${count(status)} ${status}`);
  console.log(`${results.length} cases: ${counts.join(", ")}`);
  const missing = Object.entries(summarize(results).notApplicable).map(([name, ids]) => `${ids.length} ${name}`);
  if (missing.length > 0) console.log(`not applicable: ${missing.join(", ")}`);
}
