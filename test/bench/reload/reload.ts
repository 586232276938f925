import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import { spawnFleet } from "@outrider/fleet";
import { type Host, startHost } from "../../clients/host.ts";
import { until } from "../../clients/poll.ts";
import { cpuUs, mainThreadUs } from "../cpu.ts";
import type { Section, Table } from "../section.ts";
import { format, median } from "../windows.ts";
import { largeConfig } from "./large-config.ts";

/** Most that one turn of the event loop may take for it, in ms of CPU. */
const goalMs = 5;
/** Of each kind; the first is cold. */
const reloads = 8;

/** How long decisions wait for a change of a large configuration. */
export const reload: Section = {
  name: "reload",
  about: "a change of a configuration with 200 plugins, longest turn of the event loop",
  effort: { windows: 0, seconds: 0 },
  async run() {
    const folder = mkdtempSync(join(tmpdir(), "outrider-bench-"));
    const fleet = await spawnFleet({ servers: 2 });
    try {
      return [await measure(folder, fleet.endpoints)];
    } finally {
      await fleet.stop();
      rmSync(folder, { recursive: true });
    }
  },
};

/** What a change is; `text` gives another one each time. */
const kinds: readonly { readonly row: string; readonly text: (i: number) => string }[] = [
  { row: "another weight, all plugins go on", text: (i) => largeConfig(2 + i, 1) },
  { row: "other parameters, all plugins anew", text: (i) => largeConfig(1, 1 / (2 + i)) },
  { row: "a fault, refused", text: (i) => `${largeConfig(1, 1)}fault-${i}: true\n` },
];

async function measure(folder: string, endpoints: readonly string[]): Promise<Table> {
  const config = join(folder, "epp.yaml");
  const rows: Record<string, string | number>[] = [];
  writeFileSync(config, largeConfig(1, 1));
  const idleMs = await idle(folder, config, endpoints);
  for (const { row, text } of kinds) {
    writeFileSync(config, largeConfig(1, 1));
    const host = await startProbed(folder, config, endpoints);
    const turns: Turns[] = [];
    try {
      for (let i = 0; i < reloads; i++) {
        turns.push(await host.during(() => change(host, config, text(i))));
        process.stderr.write(`\r\u001b[K${row}: ${i + 1} of ${reloads}`);
      }
    } finally {
      await host.stop();
    }
    rows.push(toRow(row, turns, idleMs));
  }
  process.stderr.write("\r\u001b[K");
  return { title: "reload", rows, notes: toNotes(rows), failed: 0 };
}

/** What a reload took. */
interface Turns {
  readonly longestMs: number;
  readonly mainMs: number;
  readonly allMs: number;
}

interface ProbedHost extends Host {
  /** What the host did meanwhile. */
  during(work: () => Promise<void>): Promise<Turns>;
}

async function startProbed(folder: string, config: string, endpoints: readonly string[]): Promise<ProbedHost> {
  const out = join(folder, "turns.json");
  const probe = new URL("probe.ts", import.meta.url);
  probe.searchParams.set("file", pathToFileURL(out).href);
  const host = await startHost({
    endpoints,
    args: [`--config-file=${config}`],
    nodeArgs: [`--import=${probe.href}`],
  });
  const read = async () => {
    rmSync(out, { force: true });
    host.kill("SIGUSR2");
    await until(
      () => existsSync(out),
      (isThere) => isThere,
    );
    return (JSON.parse(readFileSync(out, "utf8")) as { longestUs: number }).longestUs / 1_000;
  };
  return {
    ...host,
    async during(work) {
      await read();
      const before = { main: mainThreadUs(host.pid), all: cpuUs(host.pid) };
      await work();
      const allMs = (cpuUs(host.pid) - before.all) / 1_000;
      return { longestMs: await read(), mainMs: (mainThreadUs(host.pid) - before.main) / 1_000, allMs };
    },
  };
}

/** Changes the file and waits until the host has made up its mind. */
async function change(host: Host, config: string, text: string): Promise<void> {
  const before = host.log().length;
  writeFileSync(config, text);
  await until(
    () => host.log().slice(before),
    (log) => log.includes("another configuration is in force") || log.includes("stays in force"),
    30_000,
  );
}

/** Longest turn of a host that nothing is asked of, in ms. */
async function idle(folder: string, config: string, endpoints: readonly string[]): Promise<number> {
  const host = await startProbed(folder, config, endpoints);
  try {
    return (await host.during(() => sleep(2_000))).longestMs;
  } finally {
    await host.stop();
  }
}

function toRow(row: string, turns: readonly Turns[], idleMs: number): Record<string, string | number> {
  const [first, ...others] = turns.map(({ longestMs }) => longestMs);
  return {
    change: row,
    "longest turn ms, first": format(first ?? Number.NaN),
    "longest turn ms, median of the others": format(median(others)),
    "longest turn ms, worst": format(Math.max(...turns.map(({ longestMs }) => longestMs))),
    "longest turn ms, nothing to do": format(idleMs),
  };
}

function toNotes(rows: readonly Readonly<Record<string, string | number>>[]): readonly string[] {
  const worst = Math.max(...rows.map((row) => Number(row["longest turn ms, worst"])));
  const verdict = worst <= goalMs ? "reached" : "missed";
  return [`Goal: no turn of the event loop takes more than ${goalMs} ms of CPU; ${verdict}: ${worst} ms.`];
}
