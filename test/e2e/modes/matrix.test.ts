import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { envoyMissing } from "../../clients/envoy.ts";
import { listenerKinds } from "./bootstrap.ts";
import type { Case } from "./case.ts";
import { abortCases } from "./cases/aborts.ts";
import { refusalCases } from "./cases/refusals.ts";
import { requestCases } from "./cases/requests.ts";
import { responseCases } from "./cases/responses.ts";
import { modes, seesResponseBody } from "./mode.ts";
import { pickerConfig } from "./picker-config.ts";
import { Place, servedElsewhere } from "./place.ts";
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
    const plain = { endpoints: fleet.endpoints, config: pickerConfig("full") };
    hosts = await startHosts({
      plain,
      roomy: { ...plain, args: ["--max-body-bytes=64Mi"] },
      tight: { ...plain, args: tight },
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

      it("follows the protocol, as Envoy sees it, and every pick", async () => {
        await expectNoFaults(scene);
        for (const name of ["plain", "roomy", "tight"]) {
          expect(await hosts[name]?.metric(servedElsewhere)).toBe(0);
        }
      });
    });
  }
});
