import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { envoyMissing } from "../../clients/envoy.ts";
import { completion, expectEcho } from "./bodies.ts";
import { listenerKinds } from "./bootstrap.ts";
import { type Mode, modes, requestMode, seesRequestBody, seesResponseBody } from "./mode.ts";
import { pickerConfig } from "./picker-config.ts";
import { Place } from "./place.ts";
import {
  expectNoFaults,
  expectNothingLeft,
  type Hosts,
  type Scene,
  startHosts,
  startScene,
  stopHosts,
} from "./scene.ts";

/** The client's name of the model. */
const own = "model-a";
/** Names at the model servers: shorter, as long, longer. */
const targets = ["m", "model-b", "org/model-a-with-a-much-longer-name"];

describe.skipIf(envoyMissing !== undefined)(`model names${envoyMissing ? ` (${envoyMissing})` : ""}`, () => {
  let fleet: Fleet;
  let hosts: Hosts;

  beforeAll(async () => {
    fleet = await spawnFleet({ servers: 2, timeScale: 0.01, models: ["*"] });
    hosts = await startHosts({ plain: { endpoints: fleet.endpoints, config: pickerConfig({ responses: "none" }) } });
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
      const at = (kind: (typeof listenerKinds)[number], work: (place: Place) => Promise<void>) => () =>
        new Place(scene, kind, "plain").run(work);

      for (const kind of listenerKinds) {
        const unseenBytes = unseenBody(mode);
        if (unseenBytes > 0) {
          it.concurrent(
            `refuses to rewrite what it does not see, and says what to set, ${kind}`,
            at(kind, async (place) => {
              const body = completion(unseenBytes, own);
              const { answer } = await place.ask("/echo/v1/completions", { body, headers: toHeaders("m") });
              expect({ status: answer.status, text: answer.body.toString() }).toEqual({
                status: 500,
                text: expect.stringMatching(/hides the request body.*FULL_DUPLEX_STREAMED or BUFFERED/),
              });
            }),
          );
        }
        if (!isRewritten(mode)) continue;
        for (const target of targets) {
          it.concurrent(
            `sends ${target} to the model server in bodies of all sizes, ${kind}`,
            at(kind, async (place) => {
              for (const sent of shapes(mode)) {
                const body = completion(sent.bytes, own);
                const call = await place.ask("/echo/v1/completions", { ...sent, body, headers: toHeaders(target) });
                await expectEcho(place, call, body.replace(own, target));
              }
            }),
          );
        }
        if (!seesResponseBody(mode)) continue;
        for (const target of targets) {
          it.concurrent(
            `gives ${target} back under the client's name, as JSON and as a stream, ${kind}`,
            at(kind, async (place) => {
              const headers = toHeaders(target);
              const json = await place.ask("/v1/completions", { body: completion(500, own), headers });
              expect(json.answer.status).toBe(200);
              expect(JSON.parse(json.answer.body.toString())).toMatchObject({ object: "text_completion", model: own });
              const length = json.answer.headers["content-length"];
              expect(length ?? String(json.answer.body.length)).toBe(String(json.answer.body.length));
              const streaming = { model: own, prompt: "x", max_tokens: 9, stream: true };
              const streamed = await place.ask("/v1/completions", { body: JSON.stringify(streaming), headers });
              const names = streamed.answer.body.toString().match(/"model": ?"[^"]*"/g) ?? [];
              expect(streamed.answer.isCut).toBe(false);
              expect(streamed.answer.body.toString()).toMatch(/data: \[DONE\]\n\n$/);
              expect(names.length).toBeGreaterThan(1);
              expect(new Set(names.map((name) => name.replace(" ", "")))).toEqual(new Set([`"model":"${own}"`]));
            }),
          );
        }
      }

      it("leaves nothing behind, and follows the protocol as Envoy sees it", async () => {
        await expectNothingLeft(scene);
        await expectNoFaults(scene);
      });
    });
  }
});

/** Whether bodies are rewritten; where an override was needed to see them, the headers have been refused before. */
function isRewritten(mode: Mode): boolean {
  return seesRequestBody(mode) && mode.overridden === undefined;
}

/** Size of a body of which not everything is seen; 0 = there is none. */
function unseenBody(mode: Mode): number {
  if (!isRewritten(mode)) return 500;
  return requestMode(mode) === "BUFFERED_PARTIAL" ? 4_000_000 : 0;
}

/** Bodies with their length, in chunks, over HTTP/1's buffers, and with trailers where these come back. */
function shapes(mode: Mode) {
  const trailers = { "x-checksum": "42" };
  return [
    { bytes: 200 },
    { bytes: 200, isChunked: true },
    { bytes: 400_000 },
    { bytes: 400_000, isChunked: true },
    ...(requestMode(mode) === "FULL_DUPLEX_STREAMED" || mode.trailers === "SEND" ? [{ bytes: 200, trailers }] : []),
  ];
}

function toHeaders(target: string) {
  return { "x-llm-d-model-name-rewrite": target, "x-test-no-retry": "1" };
}
