import { parseArgs } from "node:util";
import { growthOf } from "../growth.ts";
import { runPlugins } from "./run.ts";
import { startPluginSystem } from "./system.ts";

const usage = `Calls to plugins and reconnects, as many as you like: does anything grow?

usage: npm run soak -- plugins [--calls 1000000] [--reconnects 10000]

Exit code 1 when memory or descriptors grew by 5 % or more, or a call was not answered; 2 for wrong usage.`;

/** Largest growth from 25 % of the run to its end. */
const largestGrowth = 0.05;

/** @returns the exit code. */
export async function soakPlugins(args: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      calls: { type: "string", default: "1000000" },
      reconnects: { type: "string", default: "10000" },
      help: { type: "boolean", default: false },
    },
  });
  const wanted = { calls: Number(values.calls), reconnects: Number(values.reconnects) };
  if (values.help || !(wanted.calls > 0) || !(wanted.reconnects >= 0)) {
    console.error(usage);
    return values.help ? 0 : 2;
  }
  const startedMs = performance.now();
  const system = await startPluginSystem();
  try {
    const { samples, calls, unanswered, reconnects } = await runPlugins(system, wanted, show);
    const growth = (read: (sample: (typeof samples)[number]) => number) =>
      growthOf(samples.map((sample) => ({ at: sample.at, value: read(sample) })));
    const rss = growth(({ rssBytes }) => rssBytes);
    const descriptors = growth(({ descriptors: open }) => open);
    const minutes = ((performance.now() - startedMs) / 60_000).toFixed(1);
    console.log(`${calls} calls, ${unanswered} unanswered, ${reconnects} reconnects in ${minutes} min`);
    console.log(`growth from 25 % to 100 %: RSS ${toPercent(rss)}, descriptors ${toPercent(descriptors)}`);
    return rss < largestGrowth && descriptors < largestGrowth && unanswered === 0 ? 0 : 1;
  } finally {
    await system.stop();
  }
}

function show(at: number): void {
  if (process.stderr.isTTY) process.stderr.write(`\r${Math.round(at * 100)} %`);
}

function toPercent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}
