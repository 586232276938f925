import { statSync } from "node:fs";
import { resolve } from "node:path";
import { type FaultPath, quote } from "./faults.ts";
import type { Reporter } from "./reporter.ts";

/**
 * Absolute path of a file that the configuration names; `undefined` where there is none, which is reported.
 * @param folder that relative paths start from.
 */
export function findFile(written: string, folder: string, path: FaultPath, report: Reporter): string | undefined {
  const absolute = resolve(folder, written);
  if (statSync(absolute, { throwIfNoEntry: false })?.isFile() === true) return absolute;
  report.fault(path, `there is no file ${quote(written)}`, "paths start at the folder of the configuration");
  return undefined;
}
