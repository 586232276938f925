import { globSync, readFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";

/** Folder of the configurations. */
export const configsFolder = dirname(fileURLToPath(import.meta.url));

/** Paths of all configurations, ours too, from {@link configsFolder}, such as `reference/chart-default.yaml`. */
export const restatedFiles: readonly string[] = globSync("{reference,older,ours}/*.yaml", {
  cwd: configsFolder,
}).sort();

/** Text of one of them. */
export function readRestated(file: string): string {
  return readFileSync(`${configsFolder}/${file}`, "utf8");
}
