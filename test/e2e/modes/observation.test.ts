import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { envoyMissing } from "../../clients/envoy.ts";
import { until } from "../../clients/poll.ts";
import { completion, events, expectCarried } from "./bodies.ts";
import { listenerKinds } from "./bootstrap.ts";
import { type Mode, modes, responseMode } from "./mode.ts";
import { type PickerConfig, pickerConfig } from "./picker-config.ts";
import { type Call, Place } from "./place.ts";
import {
  expectNoFaults,
  expectNothingLeft,
  type Hosts,
  type Scene,
  startHosts,
  startScene,
  stopHosts,
} from "./scene.ts";

/** How much of responses each picker observes, and what else it looks at. */
const pickers = {
  full: { responses: "full" },
  headers: { responses: "headers" },
  none: { responses: "none" },
  "none, by load alone": { responses: "none", looksAtPrompts: false },
} satisfies Readonly<Record<string, PickerConfig>>;

/** Phases of the response that Envoy has the picker answer. */
function phasesOf(mode: Mode, { responses, looksAtPrompts = true }: PickerConfig): readonly string[] {
  // Who has asked to see the body after all stays to hear whether Envoy obeys.
  const hasAskedInVain = mode.request === "NONE" && mode.overridden === undefined && looksAtPrompts;
  if (responses === "none") return hasAskedInVain ? ["sh"] : [];
  const seen = responses === "full" ? responseMode(mode) : mode.response;
  return seen === "NONE" ? ["sh"] : ["sh", "sb"];
}

describe.skipIf(envoyMissing !== undefined)(
  `what is observed of responses${envoyMissing ? ` (${envoyMissing})` : ""}`,
  () => {
    let fleet: Fleet;
    let hosts: Hosts;

    beforeAll(async () => {
      fleet = await spawnFleet({ servers: 3, timeScale: 0.01, models: ["*"] });
      const { endpoints } = fleet;
      const options = Object.entries(pickers).map(([name, config]) => {
        return [toName(name), { endpoints, config: pickerConfig(config) }] as const;
      });
      hosts = await startHosts(Object.fromEntries(options));
    });
    afterAll(async () => {
      await stopHosts(hosts);
      await fleet?.stop();
    });

    for (const mode of modes) {
      describe(mode.name, () => {
        let scene: Scene;
        beforeAll(async () => {
          scene = await startScene(mode, hosts, fleet);
        });
        afterAll(() => scene?.envoy.stop());

        for (const [picker, observed] of Object.entries<PickerConfig>(pickers)) {
          const wanted = phasesOf(mode, observed);
          for (const kind of listenerKinds) {
            const at = (work: (place: Place) => Promise<void>) => () =>
              new Place(scene, kind, toName(picker)).run(work);

            it.concurrent(
              `${picker}: answers ${wanted.join(" and ") || "nothing"} of a response that passes untouched, ${kind}`,
              at(async (place) => {
                const call = await expectCarried(place, { body: completion(5000) });
                expectUntouched(call, wanted.length > 0);
                const log = await until(
                  () => place.log(),
                  (text) => text.includes(call.id),
                );
                expect(["sh", "sb"].filter((phase) => log.includes(`,${phase}:`))).toEqual(wanted);
              }),
            );

            it.concurrent(
              `${picker}: passes streams, trailers and answers without a body, ${kind}`,
              at(async (place) => {
                const streamed = await place.ask("/sse?chunks=3&gapMs=20&trailers=1", { body: completion(100) });
                expect(streamed.answer.body.toString()).toBe(events(3, 64));
                expect(streamed.answer.trailers).toEqual({ "x-events": "3" });
                const headed = await place.ask("/v1/models", { method: "HEAD" });
                expect(headed.answer.status).toBe(200);
                const trailed = {
                  body: completion(100),
                  trailers: { "x-checksum": "42" },
                  headers: { "x-test-no-retry": "1" },
                };
                const { answer } = await expectCarried(place, trailed);
                expect(JSON.parse(answer.body.toString())).toMatchObject({ trailers: { "x-checksum": "42" } });
              }),
            );
          }
        }

        it("none: loses nothing of 100 answers that come at once, 20 at a time", async () => {
          const place = new Place(scene, "override_host", "none");
          let sent = 0;
          const work = async () => {
            while (sent++ < 100) await expectCarried(place, { body: completion(2000) });
          };
          await place.run(async () => void (await Promise.all(Array.from({ length: 20 }, work))));
        });

        it("leaves nothing behind, and follows the protocol as Envoy sees it", async () => {
          await expectNothingLeft(scene);
          await expectNoFaults(scene);
        });
      });
    }
  },
);

/** Part of names of listeners and clusters. */
function toName(picker: string): string {
  return picker.replaceAll(/\W+/g, "_");
}

/** A response of which nothing is shown keeps its length, and bears no trace. */
function expectUntouched({ answer }: Call, isShown: boolean): void {
  if (!isShown) expect(answer.headers["content-length"]).toBe(String(answer.body.length));
  expect(answer.headers["x-went-into-resp-headers"]).toBe(isShown ? "true" : undefined);
}
