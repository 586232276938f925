import { spawnFleet } from "@outrider/fleet";
import { cpuUs, measureIdle } from "../cpu.ts";
import { type MeasuredServer, startChildServer, startHostServer } from "../measured-server.ts";
import type { Effort, Section, Table } from "../section.ts";
import { format, measureInTurn, median, spread, withAll } from "../windows.ts";
import { type HttpLoad, runHttpLoad } from "./http-load.ts";

/** Most that the gateway may cost, as a multiple of the bare proxy. */
const wantedMultiple = 1.4;

/** One kind of answer. */
interface AnswerKind {
  readonly name: string;
  readonly load: Pick<HttpLoad, "pace" | "body" | "ending">;
}

const whole = { body: (i: number) => makeBody(i, { max_tokens: 200 }), ending: "}" };
const streamed = {
  body: (i: number) => makeBody(i, { max_tokens: 100, stream: true }),
  ending: "data: [DONE]\n\n",
};

const kinds: readonly AnswerKind[] = [
  { name: "1 kB of JSON, 64 in flight", load: { pace: { inFlight: 64 }, ...whole } },
  { name: "streamed, 100 tokens, 64 in flight", load: { pace: { inFlight: 64 }, ...streamed } },
  { name: "1 kB of JSON, 300/s", load: { pace: { ratePerS: 300 }, ...whole } },
];

/** What the embedded gateway costs, against a proxy that decides nothing. */
export const gateway: Section = {
  name: "gateway",
  about: "the embedded gateway, against a bare undici proxy",
  effort: { windows: 5, seconds: 3 },
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

async function compare(servers: readonly MeasuredServer[], { windows, seconds }: Effort): Promise<Table> {
  const rows: Record<string, string | number>[] = [];
  let failures = 0;
  for (const { name, load } of kinds) {
    const results = await measureInTurn(servers, windows, async ({ address, pid }) => {
      const idleMsPerS = await measureIdle(pid);
      const before = cpuUs(pid);
      const startedMs = performance.now();
      const { requests, failed } = await runHttpLoad({ ...load, address, seconds });
      failures += failed;
      const idleUs = idleMsPerS * (performance.now() - startedMs);
      return { cost: (cpuUs(pid) - before) / requests, idle: idleUs / requests };
    });
    const costsOf = (server: MeasuredServer) => (results.get(server) ?? []).map(({ cost }) => cost);
    const [bare = Number.NaN] = servers.map((server) => median(costsOf(server)));
    for (const server of servers) {
      const costs = costsOf(server);
      rows.push({
        server: server.row,
        answer: name,
        "CPU µs a request": format(median(costs)),
        windows: spread(costs),
        "of it idle": format(median((results.get(server) ?? []).map(({ idle }) => idle))),
        "of the bare proxy": format(median(costs) / bare),
      });
    }
  }
  const notes = [
    `Wanted: at most ${wantedMultiple} of the bare proxy. Idle: scraping above all. Failed requests: ${failures}.`,
  ];
  return { title: "Embedded gateway", rows, notes, failed: failures };
}

/** Prompts of 200 tokens whose first half is shared within a group. */
function makeBody(i: number, members: object): string {
  const group = i % 20;
  const prompt = `${`group ${group} `.repeat(60).slice(0, 400)}${`request ${i} `.repeat(60).slice(0, 400)}`;
  return JSON.stringify({ model: "qwen3-32b", prompt, ...members });
}
