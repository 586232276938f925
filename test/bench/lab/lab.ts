import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Section, Table } from "../section.ts";
import { format } from "../windows.ts";
import type { RunCost } from "./run-main.ts";
import type { Placements } from "./scenario.ts";

const run = promisify(execFile);
const main = fileURLToPath(new URL("run-main.ts", import.meta.url));

/** Goals. */
const goal = { requests: 12_000, servers: 16, cpuS: 10, memoryMiB: 500, asProcesses: 3 } as const;

interface Row {
  readonly requests: number;
  readonly servers: number;
  readonly plugins: string;
  readonly placements: Placements;
}

const twoProcesses: Placements = { "prefix-cache": "process", load: "process" };
const inline = { plugins: "inline", placements: {} };
/** The first is what the others are compared with. */
const rows: readonly Row[] = [
  { requests: goal.requests, servers: goal.servers, ...inline },
  { requests: goal.requests / 4, servers: goal.servers, ...inline },
  { requests: goal.requests, servers: 4 * goal.servers, ...inline },
  { requests: goal.requests, servers: goal.servers, plugins: "two as processes", placements: twoProcesses },
];

/** What simulations cost. */
export const lab: Section = {
  name: "lab",
  about: "what a simulation of 12,000 requests costs, inline, with more endpoints, and with plugins as processes",
  effort: { windows: 1, seconds: 0 },
  run: async () => [await measure()],
};

async function measure(): Promise<Table> {
  const costs: RunCost[] = [];
  for (const { requests, servers, placements } of rows) {
    const { stdout } = await run(process.execPath, [main, JSON.stringify([requests, servers, placements])]);
    costs.push(JSON.parse(stdout) as RunCost);
  }
  const base = costs[0]!.cpuS;
  return {
    title: "A simulation with prefix-cache, load, slo and its prediction, session-affinity",
    rows: rows.map(({ requests, servers, plugins }, i) => {
      const { cpuS, pluginCpuS, wallS, memoryMiB } = costs[i]!;
      return {
        requests,
        endpoints: servers,
        plugins,
        "CPU, s": format(cpuS),
        "of plugins, s": format(pluginCpuS),
        "of the first": format((cpuS + pluginCpuS) / base),
        "wall, s": format(wallS),
        "memory, MiB": format(memoryMiB),
      };
    }),
    notes: [
      `Goals: ${goal.requests} requests over ${goal.servers} endpoints in ${goal.cpuS} s of CPU and ${goal.memoryMiB} MiB; linear in requests, no worse in endpoints; two plugins as processes at most ${goal.asProcesses} times that.`,
      `Placements decide ${costs[3]!.picksSha256 === costs[0]!.picksSha256 ? "alike" : "differently, which is a fault"}.`,
    ],
    failed: costs.reduce((sum, { failed }) => sum + failed, 0),
  };
}
