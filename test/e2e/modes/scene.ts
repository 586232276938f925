import { type Envoy, installEnvoy, startEnvoy } from "@outrider/example-envoy";
import type { Fleet } from "@outrider/fleet";
import { expect } from "vitest";
import { cacheFolder } from "../../clients/envoy.ts";
import { type Host, type HostOptions, startHost } from "../../clients/host.ts";
import { until } from "../../clients/poll.ts";
import { configureMode } from "./bootstrap.ts";
import type { Mode } from "./mode.ts";

/** Nothing listens there. */
export const nowhere = "127.0.0.1:1";

/** Endpoint pickers by name, each started in another way. */
export type Hosts = Readonly<Record<string, Host>>;

/** Where cases run: one Envoy in one mode, with the pickers and model servers behind it. */
export interface Scene {
  readonly mode: Mode;
  readonly hosts: Hosts;
  readonly envoy: Envoy;
  readonly fleet: Fleet;
}

/** Starts pickers at once. @param options of each, by name. */
export async function startHosts(options: Readonly<Record<string, HostOptions>>): Promise<Hosts> {
  const started = Object.entries(options).map(async ([name, each]) => {
    return [name, await startHost({ ...each, args: ["--no-warmup", ...(each.args ?? [])] })] as const;
  });
  return Object.fromEntries(await Promise.all(started));
}

/** Ends what {@link startHosts} has started. @throws when one does not end by itself. */
export async function stopHosts(hosts: Hosts = {}): Promise<void> {
  const codes = await Promise.all(Object.values(hosts).map((host) => host.stop()));
  expect(codes).toEqual(codes.map(() => 0));
}

/** Starts an Envoy with a pair of listeners for each picker, and the fleet as its pool. */
export async function startScene(mode: Mode, hosts: Hosts, fleet: Fleet): Promise<Scene> {
  const pickers = Object.entries(hosts).map(([name, { addresses }]) => ({ name, extProc: addresses.extProc }));
  const envoy = await startEnvoy({
    program: await installEnvoy(cacheFolder),
    extProc: pickers[0]?.extProc ?? nowhere,
    endpoints: [...fleet.endpoints, nowhere],
    edit: (config) => configureMode(config, mode, pickers),
  });
  return { mode, hosts, envoy, fleet };
}

/** Checks that everything has been let go of. @param inflight requests that a picker may still count; default none. */
export async function expectNothingLeft(
  { hosts, envoy, fleet }: Scene,
  inflight: Readonly<Record<string, number>> = {},
) {
  for (const [name, host] of Object.entries(hosts)) {
    await expectAtMost(host, "outrider_ext_proc_streams_open", 0, name);
    await expectAtMost(host, "outrider_inflight_requests", inflight[name] ?? 0, name);
  }
  await until(
    async () => (await fleet.stats()).total.openRequests,
    (count) => count === 0,
  );
  const connections = Object.values(await envoy.stats("^cluster\\.ext_proc_.*\\.upstream_cx_total$"));
  expect(Math.max(...connections)).toBe(1);
}

/** Checks that Envoy saw nothing it did not want, and made no error reply on account of a picker. */
export async function expectNoFaults({ envoy }: Scene): Promise<void> {
  const stats = Object.entries(await envoy.stats("\\.ext_proc\\."));
  expect(stats.some(([name, count]) => name.endsWith("streams_started") && count > 0)).toBe(true);
  const faults = stats.filter(([name, count]) => faultCounters.test(name) && count > 0);
  const lines = envoy.output().split("\n");
  expect({ faults, replies: lines.filter((line) => faultDetails.test(line)) }).toEqual({ faults: [], replies: [] });
}

const faultCounters =
  /\.(streams_failed|spurious_msgs_received|message_timeouts|rejected_header_mutations|failure_mode_allowed)$/;
const faultDetails = /ext_proc_error|mismatch_between_content_length|per-message_timeout|spurious/;

async function expectAtMost(host: Host, gauge: string, most: number, picker: string): Promise<void> {
  await until(
    async () => ({ picker, gauge, value: await host.metric(gauge) }),
    ({ value }) => value <= most,
  );
}
