import type { Envoy } from "@outrider/example-envoy";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { envoyMissing, startEnvoyFor } from "../clients/envoy.ts";
import { exchange } from "../clients/exchange.ts";
import { type Host, startHost } from "../clients/host.ts";
import { until } from "../clients/poll.ts";

const config = `apiVersion: outrider.dev/v1alpha1
kind: EndpointPickerConfig
unknownModels: refuse
plugins: [{ type: serves-model }, { type: random-picker }]
schedulingProfiles: [{ name: default, plugins: [{ pluginRef: serves-model }, { pluginRef: random-picker }] }]
`;

describe.skipIf(envoyMissing !== undefined)(`through a real Envoy${envoyMissing ? ` (${envoyMissing})` : ""}`, () => {
  let fleets: readonly Fleet[];
  let host: Host;
  let envoy: Envoy;
  beforeAll(async () => {
    fleets = await Promise.all([
      spawnFleet({ servers: 2, timeScale: 0.01, models: ["one"], adapters: ["lora"] }),
      spawnFleet({ servers: 2, timeScale: 0.01, models: ["two"] }),
    ]);
    const endpoints = fleets.flatMap((fleet) => fleet.endpoints);
    host = await startHost({ endpoints, config, args: ["--no-warmup"] });
    envoy = await startEnvoyFor(host, endpoints);
    await until(
      () => host.metric("outrider_model_lists_total"),
      (lists) => lists >= endpoints.length,
    );
  });
  afterAll(async () => {
    await envoy?.stop();
    await host?.stop();
    for (const fleet of fleets ?? []) await fleet.stop();
  });

  const ask = (model: string) =>
    exchange(`${envoy.originalDst}/v1/completions`, { body: JSON.stringify({ model, prompt: "x", max_tokens: 1 }) });

  const cases = [
    { title: "a model", model: "one", fleet: 0 },
    { title: "another model", model: "two", fleet: 1 },
    { title: "an adapter", model: "lora", fleet: 0 },
  ];
  for (const { title, model, fleet } of cases) {
    it(`sends requests for ${title} to the servers that list it`, async () => {
      for (let i = 0; i < 10; i++) {
        const answer = await ask(model);
        expect(`${answer.status} ${answer.body.toString().slice(0, 200)}`).toMatch(/^200 /);
        expect(fleets[fleet]!.endpoints).toContain(answer.headers["x-served-by"]);
      }
    });
  }

  it("answers 404 for a model that no server lists, where the operator asks for it", async () => {
    const answer = await ask("three");
    expect(answer.status).toBe(404);
    expect(answer.body.toString()).toBe("inference error: NotFound - no endpoint serves the model three");
  });
});
