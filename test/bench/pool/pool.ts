import { cpuUs } from "../cpu.ts";
import { runClosedLoop } from "../door/closed-loop.ts";
import { startChildServer } from "../measured-server.ts";
import { makeRequests, smallResponse } from "../messages.ts";
import type { Effort, Section, Table } from "../section.ts";
import { format, measureInTurn, median, spread, withAll } from "../windows.ts";
import { measureCycle } from "./measure-cycle.ts";

const sizes = [10, 100, 1_000];
const inFlight = 16;
/** Most that a decision over the largest pool may cost, as a multiple of one over the smallest. */
const wantedRatio = 2;

/** What a decision costs as the pool grows. */
export const pool: Section = {
  name: "pool",
  about: "a decision with five filters and four scorers over 10, 100 and 1,000 endpoints",
  effort: { windows: 7, seconds: 3 },
  async run(effort) {
    return [await compare(effort)];
  },
};

async function compare({ windows, seconds }: Effort): Promise<Table> {
  const file = new URL("pool-host.ts", import.meta.url);
  const starts = sizes.map((size) => () => startChildServer(`${size} endpoints`, file, [String(size)]));
  const exchange = { requests: makeRequests(), response: smallResponse, end: "reset" } as const;
  return withAll(starts, async (servers) => {
    const results = await measureInTurn(servers, windows, async ({ pid, address }) => {
      const before = cpuUs(pid);
      const { streams, failed } = await runClosedLoop(address, inFlight, seconds, exchange);
      return { costUs: (cpuUs(pid) - before) / streams, failed };
    });
    const costs = servers.map((server) => (results.get(server) ?? []).map(({ costUs }) => costUs));
    const smallest = median(costs[0] ?? []);
    const rows = [];
    for (const [i, { row }] of servers.entries()) {
      rows.push({
        pool: row,
        "host CPU µs a decision": format(median(costs[i] ?? [])),
        windows: spread(costs[i] ?? []),
        [`of ${sizes[0]}`]: format(median(costs[i] ?? []) / smallest),
        "the cycle alone, µs": format(await measureCycle(sizes[i]!)),
      });
    }
    const failed = [...results.values()].flat().reduce((sum, window) => sum + window.failed, 0);
    const notes = [
      `Wanted: ${sizes.at(-1)} endpoints at most ${wantedRatio} × ${sizes[0]}. Failed streams: ${failed}.`,
    ];
    return { title: `A decision by size of the pool, ${inFlight} in flight`, rows, notes, failed };
  });
}
