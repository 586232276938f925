import { type Envoy, installEnvoy, startEnvoy } from "@outrider/example-envoy";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cacheFolder, envoyMissing } from "../../clients/envoy.ts";
import { type Host, startHost } from "../../clients/host.ts";
import { until } from "../../clients/poll.ts";
import { clusterName, configureMode, listenerKinds } from "./bootstrap.ts";
import type { Case } from "./case.ts";
import { abortCases } from "./cases/aborts.ts";
import { refusalCases } from "./cases/refusals.ts";
import { requestCases } from "./cases/requests.ts";
import { responseCases } from "./cases/responses.ts";
import { modes, seesResponseBody } from "./mode.ts";
import { pickerConfig } from "./picker-config.ts";
import { type Hosts, Place, servedElsewhere } from "./place.ts";

const cases: readonly Case[] = [...requestCases, ...responseCases, ...abortCases, ...refusalCases];

/** Flags of each picker; all but `lost` have the fleet as their pool. */
const pickers: Readonly<Record<string, readonly string[]>> = {
  plain: [],
  roomy: ["--max-body-bytes=64Mi"],
  tight: ["--max-header-bytes=2Ki", "--max-held-bytes=64Ki", "--max-request-time=2s"],
  lost: [],
};
/** Nothing listens there. */
const nowhere = "127.0.0.1:1";

describe.skipIf(envoyMissing !== undefined)(`every body mode${envoyMissing ? ` (${envoyMissing})` : ""}`, () => {
  let fleet: Fleet;
  let hosts: Hosts;

  beforeAll(async () => {
    fleet = await spawnFleet({ servers: 3, timeScale: 0.01, models: ["*"] });
    const started = Object.entries(pickers).map(async ([name, flags]) => {
      const endpoints = name === "lost" ? [nowhere] : fleet.endpoints;
      const args = ["--no-warmup", ...flags];
      return [name, await startHost({ endpoints, config: pickerConfig("full"), args })] as const;
    });
    hosts = Object.fromEntries(await Promise.all(started));
  });
  afterAll(async () => {
    await Promise.all(Object.values(hosts ?? {}).map((host) => host.stop()));
    await fleet?.stop();
  });

  for (const mode of modes) {
    describe(mode.name, () => {
      let envoy: Envoy;
      let unseenBefore = 0;

      beforeAll(async () => {
        unseenBefore = (await hosts.lost?.metric("outrider_inflight_requests")) ?? 0;
        const asked = Object.entries(hosts).map(([name, { addresses }]) => ({ name, extProc: addresses.extProc }));
        envoy = await startEnvoy({
          program: await installEnvoy(cacheFolder),
          extProc: hosts.plain?.addresses.extProc ?? "",
          endpoints: [...fleet.endpoints, nowhere],
          edit: (config) => configureMode(config, mode, asked),
        });
      });
      afterAll(() => envoy?.stop());

      for (const { title, in: isIn, through = listenerKinds, picker = "plain", run } of cases) {
        if (isIn?.(mode) === false) continue;
        for (const kind of through) {
          it.concurrent(`${title}, ${kind}`, async () => {
            const place = new Place({ mode, hosts, envoy, fleet }, kind, picker);
            await run(place).catch(async (cause: unknown) => {
              throw await place.explain(cause);
            });
          });
        }
      }

      it("leaves nothing behind, on one connection", async () => {
        for (const [name, host] of Object.entries(hosts)) {
          await expectValue(host, "outrider_ext_proc_streams_open", 0, name);
          // A lease whose end is not seen ends at the second scrape of its endpoint, and nowhere is never scraped.
          const unseen = name === "lost" ? unseenBefore + (seesResponseBody(mode) ? 0 : 2) : 0;
          await expectValue(host, "outrider_inflight_requests", unseen, name);
        }
        await until(
          async () => (await fleet.stats()).total.openRequests,
          (count) => count === 0,
        );
        const connections = await envoy.stats("^cluster\\.ext_proc_.*\\.upstream_cx_total$");
        expect(connections[`cluster.${clusterName("plain")}.upstream_cx_total`]).toBe(1);
        expect(Math.max(...Object.values(connections))).toBe(1);
      });

      it("follows the protocol, as Envoy sees it, and every pick", async () => {
        expect(await faultsOf(envoy)).toEqual({});
        for (const name of ["plain", "roomy", "tight"]) {
          expect(await hosts[name]?.metric(servedElsewhere)).toBe(0);
        }
      });
    });
  }
});

async function expectValue(host: Host, gauge: string, want: number, picker: string): Promise<void> {
  await until(
    async () => ({ picker, gauge, value: await host.metric(gauge) }),
    ({ value }) => value === want,
  );
}

/** Counters of Envoy that tell of an answer it did not want or did not get, and its own error replies; none = none. */
async function faultsOf(envoy: Envoy): Promise<Readonly<Record<string, number>>> {
  const stats = Object.entries(await envoy.stats("\\.ext_proc\\."));
  expect(stats.some(([name, count]) => name.endsWith("streams_started") && count > 0)).toBe(true);
  const bad =
    /(streams_failed|spurious_msgs_received|message_timeouts|rejected_header_mutations|failure_mode_allowed)$/;
  const details = ["ext_proc_error", "mismatch_between_content_length", "per-message_timeout", "spurious"];
  const lines = envoy.output().split("\n");
  const logged = details.map((word) => [word, lines.filter((line) => line.includes(word)).length] as const);
  return Object.fromEntries([...stats.filter(([name]) => bad.test(name)), ...logged].filter(([, count]) => count > 0));
}
