import { readFileSync } from "node:fs";

/** What made a report. */
export interface Versions {
  /** Of the lab, semantic versioning. */
  readonly outrider: string;
  /** Of Node.js, whose floating-point functions results depend on. */
  readonly node: string;
}

const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as {
  readonly version: string;
};

/** The versions that are running. */
export const versions: Versions = { outrider: version, node: process.versions.node };
