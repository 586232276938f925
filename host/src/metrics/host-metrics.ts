import { readdirSync } from "node:fs";
import { monitorEventLoopDelay, PerformanceObserver, performance } from "node:perf_hooks";
import { Counter, Gauge, Histogram, type Registry } from "prom-client";

/** What the host tells of itself. */
export interface HostMetrics {
  /** A configuration came into force. @param loadedAtMs Unix ms. */
  configLoaded(generation: number, loadedAtMs: number): void;
  /** A change of the configuration has ended: a reload, or a rollback. */
  configChanged(outcome: ConfigOutcome): void;
  /** Stops what measures. */
  stop(): void;
}

/** How a change of the configuration ended; `unchanged` where its text was in force already. */
export type ConfigOutcome = "applied" | "unchanged" | "refused";

/** Between two looks at the clock of the event loop, in ms; each wakes the process. */
const loopResolutionMs = 20;
/** Shortest time the lag is summed up over, in ms, so that two who scrape do not take it from each other. */
const lagWindowMs = 5_000;

/** Measures the process as a whole: event loop, garbage collection, CPU, memory, file descriptors, build. */
export function createHostMetrics(registry: Registry, version: string): HostMetrics {
  addBuildInfo(registry, version);
  addProcess(registry);
  const stops = [addEventLoop(registry), addGarbageCollection(registry)];
  const registers = [registry];
  const generation = new Gauge({
    name: "outrider_config_generation",
    help: "Generation of the configuration in force, from 1.",
    registers,
  });
  const loadedAt = new Gauge({
    name: "outrider_config_loaded_timestamp_seconds",
    help: "When the configuration in force was loaded, Unix time.",
    registers,
  });
  const changes = new Counter({
    name: "outrider_config_reloads_total",
    help: "Reloads and rollbacks of the configuration that have ended; a refused one left everything as it was.",
    labelNames: ["outcome"],
    registers,
  });
  for (const outcome of ["applied", "unchanged", "refused"] as const) changes.inc({ outcome }, 0);
  const wasFine = new Gauge({
    name: "outrider_config_last_reload_success",
    help: "1 = the last reload or rollback was fine, or there was none; 0 = it was refused.",
    registers,
  });
  wasFine.set(1);
  return {
    configChanged(outcome) {
      changes.inc({ outcome });
      wasFine.set(outcome === "refused" ? 0 : 1);
    },
    configLoaded(count, loadedAtMs) {
      generation.set(count);
      loadedAt.set(loadedAtMs / 1_000);
    },
    stop() {
      for (const stop of stops) stop();
    },
  };
}

function addBuildInfo(registry: Registry, version: string): void {
  const info = new Gauge({
    name: "outrider_build_info",
    help: "Always 1; the labels tell what runs.",
    labelNames: ["version", "node_version"],
    registers: [registry],
  });
  info.set({ version, node_version: process.versions.node }, 1);
}

function addEventLoop(registry: Registry): () => void {
  const delay = monitorEventLoopDelay({ resolution: loopResolutionMs });
  delay.enable();
  let lags = { p50: 0, p99: 0, max: 0 };
  let measuredAtMs = Number.NEGATIVE_INFINITY;
  const toLagSeconds = (delayNs: number) => Math.max(0, delayNs / 1e9 - loopResolutionMs / 1e3);
  const measure = () => {
    const nowMs = performance.now();
    if (delay.count === 0 || nowMs - measuredAtMs < lagWindowMs) return;
    measuredAtMs = nowMs;
    lags = {
      p50: toLagSeconds(delay.percentile(50)),
      p99: toLagSeconds(delay.percentile(99)),
      max: toLagSeconds(delay.max),
    };
    delay.reset();
  };
  new Gauge({
    name: "outrider_event_loop_lag_seconds",
    help: "How late timers ran since the scrape before, at least 5 s ago; it eats the budgets of decisions.",
    labelNames: ["quantile"],
    registers: [registry],
    collect() {
      measure();
      this.set({ quantile: "0.5" }, lags.p50);
      this.set({ quantile: "0.99" }, lags.p99);
      this.set({ quantile: "1" }, lags.max);
    },
  });
  addReading(registry, "outrider_event_loop_active_seconds_total", "Time the event loop was not idle.", () => {
    return performance.eventLoopUtilization().active / 1_000;
  });
  return () => void delay.disable();
}

function addGarbageCollection(registry: Registry): () => void {
  const pauses = new Histogram({
    name: "outrider_gc_duration_seconds",
    help: "Garbage collections: the tail of decisions is made of these.",
    buckets: [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1],
    registers: [registry],
  });
  const observer = new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) pauses.observe(duration / 1_000);
  });
  observer.observe({ entryTypes: ["gc"] });
  return () => observer.disconnect();
}

function addProcess(registry: Registry): void {
  const startedAt = Math.round(performance.timeOrigin) / 1_000;
  const gauges: readonly [name: string, help: string, read: () => number][] = [
    ["process_start_time_seconds", "When the process started, Unix time.", () => startedAt],
    ["process_resident_memory_bytes", "Resident memory.", () => process.memoryUsage.rss()],
    ["process_open_fds", "Open file descriptors; NaN where the system does not tell.", countDescriptors],
    ["nodejs_heap_size_used_bytes", "JavaScript heap in use.", () => process.memoryUsage().heapUsed],
    ["nodejs_heap_size_total_bytes", "JavaScript heap reserved.", () => process.memoryUsage().heapTotal],
    [
      "nodejs_external_memory_bytes",
      "Memory outside of the heap that JavaScript holds.",
      () => process.memoryUsage().external,
    ],
  ];
  for (const [name, help, read] of gauges) {
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  }
  const cpuSeconds = (kind: "user" | "system") => process.cpuUsage()[kind] / 1e6;
  addReading(registry, "process_cpu_user_seconds_total", "CPU time in user mode.", () => cpuSeconds("user"));
  addReading(registry, "process_cpu_system_seconds_total", "CPU time in the kernel.", () => cpuSeconds("system"));
  addReading(registry, "process_cpu_seconds_total", "CPU time.", () => cpuSeconds("user") + cpuSeconds("system"));
  addReading(registry, "outrider_main_thread_cpu_seconds_total", "CPU time of the thread that decides.", () => {
    const { user, system } = process.threadCpuUsage();
    return (user + system) / 1e6;
  });
}

/** A counter that somebody else counts. */
function addReading(registry: Registry, name: string, help: string, read: () => number): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(read());
    },
  });
}

function countDescriptors(): number {
  try {
    return readdirSync("/proc/self/fd").length;
  } catch {
    return Number.NaN;
  }
}
