import { type CompareProgress, describeJob } from "../compare/index.ts";

/**
 * Tells of every run that ends: one line that changes on a terminal, a line each elsewhere.
 * @param name of the command, for what failed.
 */
export function createRunTeller(name: string): (progress: CompareProgress) => void {
  const isTerminal = process.stderr.isTTY;
  return ({ made, failed, all, last }) => {
    if (last?.kind === "failed") {
      process.stderr.write(
        `${isTerminal ? "\r\u001b[K" : ""}${name}: ${describeJob(last.job)} failed: ${last.message}\n`,
      );
    }
    const line = `${made} of ${all} runs${failed === 0 ? "" : `, ${failed} failed`}`;
    process.stderr.write(isTerminal ? `\r\u001b[K${line}${made + failed === all ? "\n" : ""}` : `${line}\n`);
  };
}
