import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { isMap } from "@outrider/host";
import { writeWhole } from "../report/index.ts";
import type { RunSummary } from "../results/index.ts";

/** Runs that have been made, kept as files by the hash of their inputs. */
export interface KeptRuns {
  /** A run that is kept; `undefined` where there is none, or its file is none of ours. */
  find(key: string): Promise<RunSummary | undefined>;
  /** @throws {WriteError} names the file that cannot be written. */
  keep(key: string, summary: RunSummary): Promise<void>;
}

/** Keeps runs in `runs/` of a folder; nowhere without one. */
export function createKeptRuns(folder: string | undefined): KeptRuns {
  const fileOf = (key: string) => join(folder ?? "", "runs", `${key}.json`);
  return {
    async find(key) {
      if (folder === undefined) return undefined;
      const text = await readFile(fileOf(key), "utf8").catch(() => undefined);
      return text === undefined ? undefined : parseSummary(text);
    },
    async keep(key, summary) {
      if (folder !== undefined) await writeWhole(fileOf(key), `${JSON.stringify(summary)}\n`);
    },
  };
}

function parseSummary(text: string): RunSummary | undefined {
  try {
    const value = JSON.parse(text) as unknown;
    return isMap(value) && value.format === "outrider.lab.summary.v1" ? (value as unknown as RunSummary) : undefined;
  } catch {
    return undefined;
  }
}
