import { setTimeout as sleep } from "node:timers/promises";
import { metricsFaults, type ServerFaults } from "@outrider/fleet";
import { listPlugins } from "../../clients/plugins.ts";
import { writeEndpoints } from "../endpoints-file.ts";
import type { SoakSystem } from "../system.ts";
import type { Storm, Weather } from "../weather.ts";

/** What is done to the system while it works. */
export interface Misdeeds {
  /** How often each was done. */
  readonly done: Readonly<Record<string, number>>;
  /** Ends them and makes everything well again; rejects where one could not be done. */
  stop(): Promise<void>;
}

/** One thing done at some time of a cycle. */
interface Misdeed {
  readonly name: string;
  /** When, as a fraction of the cycle. */
  readonly at: number;
  run(cycle: number): Promise<void>;
}

/** Does everything once a cycle, to another server and another plugin each time, with calm between. */
export function startMisdeeds(system: SoakSystem, weather: Weather, cycleMs: number): Misdeeds {
  const done: Record<string, number> = {};
  const ending = new AbortController();
  const plugins = createPluginMisdeeds(system);
  const timeline = [...serverMisdeeds(system, weather), ...plugins.timeline].toSorted((a, b) => a.at - b.at);
  const loop = async () => {
    const startedMs = performance.now();
    for (let cycle = 0; ; cycle++) {
      for (const { name, at, run } of timeline) {
        await sleep(Math.max(0, startedMs + (cycle + at) * cycleMs - performance.now()), undefined, {
          signal: ending.signal,
        });
        await run(cycle);
        done[name] = (done[name] ?? 0) + 1;
      }
    }
  };
  const fault = loop().catch((error: unknown) => (ending.signal.aborted ? undefined : error));
  return {
    done,
    async stop() {
      ending.abort();
      plugins.wake();
      await system.fleet.fault("*", {});
      writeEndpoints(system.endpointsFile, system.fleet.endpoints);
      const thrown = await fault;
      if (thrown !== undefined) throw thrown;
    },
  };
}

function serverMisdeeds({ fleet, endpointsFile }: SoakSystem, weather: Weather): readonly Misdeed[] {
  const { endpoints } = fleet;
  const server = (cycle: number, k: number) => endpoints[(cycle + k) % endpoints.length] as string;
  const publishWithout = (gone: string) =>
    writeEndpoints(
      endpointsFile,
      endpoints.filter((one) => one !== gone),
    );
  const storm = (name: string, storm: Storm | undefined, k: number, from: number, to: number, faults: ServerFaults) => [
    {
      name,
      at: from,
      async run(cycle: number) {
        if (storm !== undefined) weather.begin(storm);
        await fleet.fault(server(cycle, k), faults);
      },
    },
    {
      name: `${name}, well again`,
      at: to,
      async run(cycle: number) {
        await fleet.fault(server(cycle, k), {});
        if (storm !== undefined) weather.end(storm);
      },
    },
  ];
  return [
    ...storm("streams are reset", "reset", 0, 0.2, 0.3, { resetAfterTokens: 3 }),
    ...storm("a server stands still", undefined, 1, 0.35, 0.43, { hang: true }),
    ...storm("a server answers 500", "errors", 2, 0.5, 0.58, { errorShare: 0.5 }),
    ...storm("a server leaves", "gone", 3, 0.65, 0.75, { leave: true }),
    { name: "its endpoint is removed", at: 0.68, run: async (cycle) => publishWithout(server(cycle, 3)) },
    { name: "its endpoint is back", at: 0.76, run: async () => writeEndpoints(endpointsFile, endpoints) },
    { name: "a well endpoint is removed", at: 0.8, run: async (cycle) => publishWithout(server(cycle, 4)) },
    { name: "the well endpoint is back", at: 0.85, run: async () => writeEndpoints(endpointsFile, endpoints) },
    {
      name: "a metrics page is wrong",
      at: 0.88,
      run: (cycle) => fleet.fault(server(cycle, 5), { metrics: metricsFaults[cycle % metricsFaults.length] as "html" }),
    },
    { name: "the metrics page is right", at: 0.96, run: (cycle) => fleet.fault(server(cycle, 5), {}) },
  ];
}

/** Kills a plugin's process and stops another one, in turn. */
function createPluginMisdeeds({ host }: SoakSystem) {
  const names = ["prefix", "queue", "python"];
  let stopped: number | undefined;
  const groupOf = async (name: string) => {
    const plugin = (await listPlugins(host.addresses.admin)).find((one) => one.name === name);
    return plugin?.state === "active" && plugin.pid !== undefined ? -plugin.pid : undefined;
  };
  const signal = async (name: string, what: NodeJS.Signals) => {
    const group = await groupOf(name);
    if (group !== undefined) trySignal(group, what);
    return group;
  };
  const wake = () => {
    if (stopped !== undefined) trySignal(stopped, "SIGCONT");
    stopped = undefined;
  };
  const timeline: readonly Misdeed[] = [
    {
      name: "a plugin is killed",
      at: 0.1,
      run: async (cycle) => void (await signal(names[cycle % names.length] as string, "SIGKILL")),
    },
    {
      name: "a plugin is stopped",
      at: 0.6,
      async run(cycle) {
        stopped = await signal(names[(cycle + 1) % names.length] as string, "SIGSTOP");
      },
    },
    { name: "the plugin goes on", at: 0.97, run: async () => wake() },
  ];
  return { timeline, wake };
}

/** What has ended meanwhile needs no signal. */
function trySignal(target: number, name: NodeJS.Signals): void {
  try {
    process.kill(target, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}
