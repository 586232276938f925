import { spawnFleet } from "@outrider/fleet";
import { cpuUs } from "../cpu.ts";
import { startChildServer, startHostServer } from "../measured-server.ts";
import { makeRequests, smallResponse } from "../messages.ts";
import type { Effort, Section, Table } from "../section.ts";
import { format, measureInTurn, median, spread, withAll } from "../windows.ts";
import { runClosedLoop } from "./closed-loop.ts";

const inFlight = 64;
/** Most that our door may cost, as a share of grpc-js with protobuf-es. */
const wantedShare = 1 / 1.6;

const noScorers = `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
responses: full
plugins:
- type: random-picker
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: random-picker
`;

/** What ext_proc itself costs: no scorers, many streams. */
export const door: Section = {
  name: "door",
  about: "an ext_proc stream without scorers, against grpc-js",
  effort: { windows: 5, seconds: 3 },
  async run(effort) {
    const fleet = await spawnFleet({ servers: 8 });
    try {
      return [await compare(fleet.endpoints, effort)];
    } finally {
      await fleet.stop();
    }
  },
};

async function compare(endpoints: readonly string[], { windows, seconds }: Effort): Promise<Table> {
  const starts = [
    () => startChildServer("grpc-js with protobuf-es, fixed answer", new URL("grpc-js-door.ts", import.meta.url)),
    () => startChildServer("Outrider's door, fixed answer", new URL("fixed-door.ts", import.meta.url)),
    () => startHostServer("Outrider, whole host, no scorers", { endpoints, config: noScorers }, "extProc"),
    () => startChildServer("bare node:http2, canned answer", new URL("../echo.ts", import.meta.url)),
  ];
  // grpc-js loses its connection after about 1,000 resets, so that all streams are half-closed, everybody's.
  const exchange = { requests: makeRequests(), response: smallResponse, end: "half-close" } as const;
  return withAll(starts, async (servers) => {
    const results = await measureInTurn(servers, windows, async ({ pid, address }) => {
      const before = cpuUs(pid);
      const { streams, failed } = await runClosedLoop(address, inFlight, seconds, exchange);
      return { costUs: (cpuUs(pid) - before) / streams, ratePerS: streams / seconds, failed };
    });
    const costs = servers.map((server) => (results.get(server) ?? []).map(({ costUs }) => costUs));
    const reference = median(costs[0] ?? []);
    const rows = servers.map((server, i) => {
      const all = results.get(server) ?? [];
      const cost = costs[i] ?? [];
      const rate = Math.round(median(all.map(({ ratePerS }) => ratePerS)));
      return {
        server: server.row,
        "CPU µs a stream": format(median(cost)),
        windows: spread(cost),
        "of grpc-js": format(median(cost) / reference),
        "streams /s": rate,
      };
    });
    const failed = [...results.values()].flat().reduce((sum, window) => sum + window.failed, 0);
    return {
      title: `ext_proc server alone, ${inFlight} in flight`,
      rows,
      notes: [`Wanted: Outrider at most ${format(wantedShare)} of grpc-js. Failed streams: ${failed}.`],
      failed,
    };
  });
}
