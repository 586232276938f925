import { readdirSync, readFileSync } from "node:fs";
import { listPlugins } from "../clients/plugins.ts";
import type { SoakSystem } from "./system.ts";
import type { Outcome } from "./traffic/tally.ts";

/** The system at one time. Times in s or ms as named, sizes in bytes. */
export interface Sample {
  readonly atS: number;
  /** `VmRSS` of the host. */
  readonly rssBytes: number;
  /** Entries of its `/proc/PID/fd`. */
  readonly descriptors: number;
  readonly heapBytes: number;
  /** Memory that JavaScript holds outside of its heap: bodies, above all. */
  readonly externalBytes: number;
  /** Requests sent and not yet done. */
  readonly leases: number;
  /** Streams of ext_proc, and requests of the gateway. */
  readonly streams: number;
  /** Bytes of bodies that the doors hold. */
  readonly heldBytes: number;
  /** 99th percentile of how late timers of its event loop ran. */
  readonly lagP99Ms: number;
  readonly restarts: number;
  /** Busy share of the whole machine since the sample before, in [0, 1]. */
  readonly machineBusy: number;
  /** Requests so far by how they ended. */
  readonly requests: Readonly<Record<Outcome, number>>;
}

/** What is read without changing anything. */
export interface Sampler {
  read(requests: Readonly<Record<Outcome, number>>): Promise<Sample>;
}

/** Reads `/proc`, the metrics page and the admin interface of a host. */
export function createSampler({ host }: SoakSystem): Sampler {
  const startedMs = performance.now();
  let before = readMachine();
  return {
    async read(requests) {
      const [page, plugins] = await Promise.all([host.metrics(), listPlugins(host.addresses.admin)]);
      const now = readMachine();
      const machineBusy = (now.busy - before.busy) / Math.max(1, now.all - before.all);
      before = now;
      return {
        atS: (performance.now() - startedMs) / 1000,
        rssBytes: residentBytes(host.pid),
        descriptors: readdirSync(`/proc/${host.pid}/fd`).length,
        heapBytes: sumOf(page, "nodejs_heap_size_used_bytes"),
        externalBytes: sumOf(page, "nodejs_external_memory_bytes"),
        leases: sumOf(page, "outrider_inflight_requests"),
        streams: sumOf(page, "outrider_ext_proc_streams_open") + sumOf(page, "outrider_gateway_requests_open"),
        heldBytes: sumOf(page, "outrider_held_bytes"),
        lagP99Ms: sumOf(page, 'outrider_event_loop_lag_seconds{quantile="0.99"}') * 1000,
        restarts: plugins.reduce((sum, { restarts = 0 }) => sum + restarts, 0),
        machineBusy,
        requests: { ...requests },
      };
    },
  };
}

function residentBytes(pid: number): number {
  const [, kiB] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
  return Number(kiB) * 1024;
}

/** Sum of a metric's series whose text begins so; 0 where there is none. */
function sumOf(page: string, series: string): number {
  return page
    .split("\n")
    .filter((line) => line.startsWith(`${series} `) || line.startsWith(`${series}{`))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

/** Time of all processors since the start, in ticks. */
function readMachine(): { readonly busy: number; readonly all: number } {
  const [, ...ticks] = (readFileSync("/proc/stat", "utf8").split("\n", 1)[0] ?? "").split(/\s+/).map(Number);
  const all = ticks.slice(0, 8).reduce((sum, count) => sum + count, 0);
  const idle = (ticks[3] ?? 0) + (ticks[4] ?? 0);
  return { busy: all - idle, all };
}
