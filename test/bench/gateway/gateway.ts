import { spawnFleet } from "@outrider/fleet";
import { cpuUs } from "../cpu.ts";
import { startChildServer, startHostServer } from "../measured-server.ts";
import type { Effort, Section, Table } from "../section.ts";
import { format, measureInTurn, median, spread, withAll } from "../windows.ts";
import { type HttpLoad, runHttpLoad } from "./http-load.ts";

/** Most that the gateway may cost, as a multiple of the bare proxy. */
const wantedMultiple = 1.4;

/** One kind of answer. */
interface AnswerKind {
  readonly name: string;
  readonly load: Pick<HttpLoad, "ratePerS" | "body" | "ending">;
}

const kinds: readonly AnswerKind[] = [
  {
    name: "1 kB of JSON, 300/s",
    load: { ratePerS: 300, body: (i) => makeBody(i, { max_tokens: 200 }), ending: "}" },
  },
  {
    name: "streamed, 100 tokens, 100/s",
    load: { ratePerS: 100, body: (i) => makeBody(i, { max_tokens: 100, stream: true }), ending: "data: [DONE]\n\n" },
  },
];

/** What the embedded gateway costs, against a proxy that decides nothing. */
export const gateway: Section = {
  name: "gateway",
  about: "the embedded gateway, against a bare undici proxy",
  effort: { windows: 5, seconds: 4 },
  async run(effort) {
    const fleet = await spawnFleet({ servers: 4, timeScale: 0.05 });
    const starts = [
      () => startChildServer("bare undici proxy", new URL("bare-proxy.ts", import.meta.url), fleet.endpoints),
      () =>
        startHostServer(
          "Outrider's gateway, default configuration",
          { endpoints: fleet.endpoints, args: ["--gateway-port=0"] },
          "gateway",
        ),
    ];
    try {
      return [await withAll(starts, (servers) => compare(servers, effort))];
    } finally {
      await fleet.stop();
    }
  },
};

async function compare(
  servers: readonly Awaited<ReturnType<typeof startHostServer>>[],
  { windows, seconds }: Effort,
): Promise<Table> {
  const rows: Record<string, string | number>[] = [];
  let failures = 0;
  for (const { name, load } of kinds) {
    const results = await measureInTurn(servers, windows, async ({ address, pid }) => {
      const before = cpuUs(pid);
      const { requests, failed } = await runHttpLoad({ ...load, address, seconds });
      failures += failed;
      return (cpuUs(pid) - before) / requests;
    });
    const [bare = Number.NaN] = servers.map((server) => median(results.get(server) ?? []));
    for (const server of servers) {
      const costs = results.get(server) ?? [];
      rows.push({
        server: server.row,
        answer: name,
        "CPU µs a request": format(median(costs)),
        windows: spread(costs),
        "of the bare proxy": format(median(costs) / bare),
      });
    }
  }
  const notes = [`Wanted: at most ${wantedMultiple} of the bare proxy. Failed requests: ${failures}.`];
  return { title: "Embedded gateway", rows, notes, failed: failures };
}

/** Prompts of 200 tokens whose first half is shared within a group. */
function makeBody(i: number, members: object): string {
  const group = i % 20;
  const prompt = `${`group ${group} `.repeat(60).slice(0, 400)}${`request ${i} `.repeat(60).slice(0, 400)}`;
  return JSON.stringify({ model: "qwen3-32b", prompt, ...members });
}
