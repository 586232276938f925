import { parseArgs } from "node:util";

/** How long, how fast, and where to. */
export interface SoakOptions {
  readonly minutes: number;
  /** Requests a second, all doors together. */
  readonly ratePerS: number;
  /** Where samples and verdict go as JSON; `undefined` = nowhere. */
  readonly jsonFile: string | undefined;
}

/** For `--help` and for those who are wrong. */
export const usage = `A real host under mixed traffic, aborts, faults and plugin restarts for as long as you like: does anything grow?

usage: npm run soak -- [--minutes 30] [--rate 60] [--json FILE]
       npm run soak -- plugins [--calls 1000000] [--reconnects 10000]

  --minutes M  length of the run, from 1; what it shows grows with it
  --rate R     requests a second over all doors together; 60 is about half of two cores
  --json FILE  every sample, the outcomes and the verdict

Exit code 1 when something grew, was left over or failed without a reason; 2 for wrong usage.`;

/** @throws {TypeError} for a flag it does not know, {RangeError} for a value it cannot follow. */
export function parseOptions(args: readonly string[]): SoakOptions | "help" {
  const { values } = parseArgs({
    args: [...args],
    options: {
      minutes: { type: "string", default: "30" },
      rate: { type: "string", default: "60" },
      json: { type: "string" },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return "help";
  const minutes = Number(values.minutes);
  const ratePerS = Number(values.rate);
  if (!(minutes >= 1)) throw new RangeError(`--minutes cannot be ${values.minutes}: at least 1`);
  if (!(ratePerS > 0)) throw new RangeError(`--rate cannot be ${values.rate}: more than 0`);
  return { minutes, ratePerS, jsonFile: values.json };
}
