import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { envoyMissing } from "../../clients/envoy.ts";
import { until } from "../../clients/poll.ts";
import { completion, expectCarried } from "./bodies.ts";
import { listenerKinds } from "./bootstrap.ts";
import type { Case } from "./case.ts";
import { abortCases } from "./cases/aborts.ts";
import { refusalCases } from "./cases/refusals.ts";
import { requestCases } from "./cases/requests.ts";
import { responseCases } from "./cases/responses.ts";
import { modes, seesResponseBody } from "./mode.ts";
import { pickerConfig } from "./picker-config.ts";
import { Place, served } from "./place.ts";
import {
  expectNoFaults,
  expectNothingLeft,
  type Hosts,
  nowhere,
  type Scene,
  startHosts,
  startScene,
  stopHosts,
} from "./scene.ts";

const cases: readonly Case[] = [...requestCases, ...responseCases, ...abortCases, ...refusalCases];
const tight = ["--max-header-bytes=2Ki", "--max-held-bytes=64Ki", "--max-request-time=2s"];

describe.skipIf(envoyMissing !== undefined)(`every body mode${envoyMissing ? ` (${envoyMissing})` : ""}`, () => {
  let fleet: Fleet;
  let hosts: Hosts;

  beforeAll(async () => {
    fleet = await spawnFleet({ servers: 3, timeScale: 0.01, models: ["*"] });
    const plain = { endpoints: fleet.endpoints, config: pickerConfig({ responses: "full" }) };
    hosts = await startHosts({
      plain,
      roomy: { ...plain, args: ["--max-body-bytes=64Mi"] },
      tight: { ...plain, args: tight },
      listing: { ...plain, config: pickerConfig({ responses: "full", listLength: 3 }) },
      lost: { ...plain, endpoints: [nowhere] },
    });
  });
  afterAll(async () => {
    await stopHosts(hosts);
    await fleet?.stop();
  });

  for (const mode of modes) {
    describe(mode.name, () => {
      let scene: Scene;
      let unseenBefore = 0;

      beforeAll(async () => {
        unseenBefore = (await hosts.lost?.metric("outrider_inflight_requests")) ?? 0;
        scene = await startScene(mode, hosts, fleet);
      });
      afterAll(() => scene?.envoy.stop());

      for (const { title, in: isIn, through = listenerKinds, picker = "plain", run } of cases) {
        if (isIn?.(mode) === false) continue;
        for (const kind of through) {
          it.concurrent(`${title}, ${kind}`, () => new Place(scene, kind, picker).run(run));
        }
      }

      it("leaves nothing behind, on one connection", async () => {
        // A lease whose end is not seen ends at the second scrape of its endpoint, and nowhere is never scraped.
        await expectNothingLeft(scene, { lost: unseenBefore + (seesResponseBody(mode) ? 0 : 2) });
      });

      it("follows the protocol, as Envoy sees it", () => expectNoFaults(scene));

      for (const kind of listenerKinds) {
        it(`tells who served, so that a pick is known to be followed, ${kind}`, async () => {
          const place = new Place(scene, kind, "plain");
          const before = await place.host.metric(served("pick"));
          await place.run(async () => void (await expectCarried(place, { body: completion(100) })));
          await until(
            () => place.host.metric(served("pick")),
            (count) => count === before + 1,
          );
        });
      }

      it("follows every pick", async () => {
        for (const name of ["plain", "roomy", "tight", "listing"]) {
          expect(await hosts[name]?.metric(served("elsewhere"))).toBe(0);
        }
      });
    });
  }
});
