import { readFileSync } from "node:fs";
import { runScenario } from "@outrider/lab/simulation";
import { plugins as catalogue } from "outrider/plugins";
import { benchScenario, type Placements } from "./scenario.ts";

/** What one run cost, as this program prints it. */
export interface RunCost {
  /** Of the whole process, start-up included, in s. */
  readonly cpuS: number;
  /** Of the processes of plugins, in s. */
  readonly pluginCpuS: number;
  readonly wallS: number;
  /** Largest resident memory, in MiB. */
  readonly memoryMiB: number;
  /** Requests that were not answered. */
  readonly failed: number;
  readonly picksSha256: string;
}

const [requests, servers, placements] = JSON.parse(process.argv[2] ?? "") as [number, number, Placements];
let failed = 0;
const { picksSha256 } = await runScenario(benchScenario(requests, servers, placements), {
  catalogue,
  observer: {
    ended({ kind }) {
      if (kind !== "ok") failed++;
    },
    sampled() {},
  },
});
const { user, system } = process.cpuUsage();
const cost: RunCost = {
  cpuS: (user + system) / 1e6,
  pluginCpuS: childrenCpuS(),
  wallS: process.uptime(),
  memoryMiB: process.resourceUsage().maxRSS / 1024,
  failed,
  picksSha256,
};
console.log(JSON.stringify(cost));

/** CPU time of the children that have ended, and of theirs, in s; the kernel counts it in hundredths. */
function childrenCpuS(): number {
  const text = readFileSync("/proc/self/stat", "utf8");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}
