import { spawnFleet } from "@outrider/fleet";
import { cpuUs, measureIdle } from "../cpu.ts";
import { type MeasuredServer, startChildServer, startHostServer } from "../measured-server.ts";
import type { Effort, Section, Table } from "../section.ts";
import { format, measureInTurn, median, spread, withAll } from "../windows.ts";
import { makeLongExchanges } from "./long-requests.ts";
import { measureParsing } from "./parse-cost.ts";
import { runSteadyLoad, type SteadyLoad } from "./steady-load.ts";

const ratePerS = 20;
const chunks = 1000;
const gapMs = 5;
/** Short windows of the parser alone. */
const parseWindows = 7;

/** Prefix hashing needs the prompt's text; nothing else does. */
function configure(responses: "full" | "none"): string {
  return `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
responses: ${responses}
plugins:
- type: prefix-cache
- type: max-score-picker
schedulingProfiles:
- name: default
  plugins:
  - pluginRef: prefix-cache
  - pluginRef: max-score-picker
`;
}

/** A server with what it does. */
type BodyServer = MeasuredServer & { readonly does: SteadyLoad["server"]; readonly wanted: string };

/** What long prompts and streamed responses cost. */
export const body: Section = {
  name: "body",
  about: "400 kB prompts with 1,000 streamed chunks at 20/s, and their parser alone",
  effort: { windows: 3, seconds: 3 },
  async run(effort) {
    const fleet = await spawnFleet({ servers: 8 });
    try {
      return [await compare(fleet.endpoints, effort), measureParsing(parseWindows)];
    } finally {
      await fleet.stop();
    }
  },
};

async function compare(endpoints: readonly string[], { windows, seconds }: Effort): Promise<Table> {
  const exchanges = makeLongExchanges();
  const host = async (row: string, responses: "full" | "none", wanted: string): Promise<BodyServer> => {
    const server = await startHostServer(row, { endpoints, config: configure(responses) }, "extProc");
    return { ...server, does: responses === "full" ? "answers" : "letsGo", wanted };
  };
  const starts = [
    async (): Promise<BodyServer> => {
      const server = await startChildServer(
        "bare node:http2 echo of the same bytes",
        new URL("echo-bytes.ts", import.meta.url),
      );
      return { ...server, does: "echoes", wanted: "–" };
    },
    () => host("Outrider, responses observed", "full", "20"),
    () => host("Outrider, responses: none", "none", "5"),
  ];
  return withAll(starts, async (servers) => {
    const results = await measureInTurn(servers, windows, async ({ address, pid, does }) => {
      const idleMsPerS = await measureIdle(pid);
      const load = { address, ratePerS, chunks, gapMs, seconds, server: does };
      const { requests, failed, grown } = await runSteadyLoad(load, exchanges, () => cpuUs(pid));
      return { costMs: grown / 1000 / requests, idleMs: idleMsPerS / ratePerS, failed };
    });
    const rows = servers.map((server) => {
      const all = results.get(server) ?? [];
      const costs = all.map(({ costMs }) => costMs);
      return {
        server: server.row,
        "CPU ms a request": format(median(costs)),
        windows: spread(costs),
        "of it idle": format(median(all.map(({ idleMs }) => idleMs))),
        "at most": server.wanted,
      };
    });
    const failed = [...results.values()].flat().reduce((sum, window) => sum + window.failed, 0);
    const title = `400 kB prompt that is hashed, ${chunks} streamed chunks, ${ratePerS}/s`;
    const notes = [
      `Chunks ${gapMs} ms apart. Idle: what the process costs without a request, scraping above all, in the same time.`,
      `Failed or late requests: ${failed}.`,
    ];
    return { title, rows, notes, failed };
  });
}
