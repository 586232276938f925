import type { Envoy } from "@outrider/example-envoy";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { envoyMissing, startEnvoyFor } from "../clients/envoy.ts";
import { exchange } from "../clients/exchange.ts";
import { type Host, startHost } from "../clients/host.ts";
import { until } from "../clients/poll.ts";
import { runTraffic } from "../clients/traffic.ts";

describe.skipIf(envoyMissing !== undefined)(`through a real Envoy${envoyMissing ? ` (${envoyMissing})` : ""}`, () => {
  let fleet: Fleet;
  let host: Host;
  let envoy: Envoy;

  beforeAll(async () => {
    fleet = await spawnFleet({ servers: 4, timeScale: 0.01, models: ["*"] });
    host = await startHost({ endpoints: fleet.endpoints, args: ["--no-warmup"] });
    envoy = await startEnvoyFor(host, fleet.endpoints);
  });
  afterAll(async () => {
    await envoy?.stop();
    await host?.stop();
    await fleet?.stop();
  });

  const faults = [
    { title: "a body that is no JSON", body: "{nonsense", status: 400 },
    { title: "a body that ends early", body: '{"model":"m"', status: 400 },
    { title: "a body without a model", body: '{"prompt":"x"}', status: 400 },
    { title: "an empty body", body: "", status: 400 },
  ];
  for (const { title, body, status } of faults) {
    it(`answers ${status} in the reference's form to ${title}`, async () => {
      const response = await exchange(`${envoy.overrideHost}/v1/completions`, { body, isChunked: true });
      expect(response.status).toBe(status);
      expect(response.body.toString()).toMatch(/^inference error: BadRequest - /);
    });
  }

  it("goes to the next endpoint of the list when one has left", async () => {
    const list = "- { name: best, type: max-score-picker, parameters: { maxNumOfEndpoints: 3 } }";
    const config = `apiVersion: outrider.dev/v1alpha1\nkind: EndpointPickerConfig\nplugins:\n- { name: s, type: session-affinity }\n${list}\nschedulingProfiles:\n- { name: default, plugins: [{ pluginRef: s }, { pluginRef: best }] }\n`;
    const pool = await spawnFleet({ servers: 3, timeScale: 0.01, models: ["*"] });
    const picky = await startHost({ endpoints: pool.endpoints, config, args: ["--no-warmup"] });
    const gateway = await startEnvoyFor(picky, pool.endpoints);
    const body = JSON.stringify({ model: "m", prompt: "x", max_tokens: 1 });
    const ask = () => exchange(`${gateway.overrideHost}/v1/completions`, { body, headers: { "x-session-id": "one" } });
    const first = await ask();
    await pool.fault(String(first.headers["x-served-by"]), { leave: true });
    const second = await ask();
    expect(second.status).toBe(200);
    expect(second.headers["x-served-by"]).not.toBe(first.headers["x-served-by"]);
    await gateway.stop();
    await picky.stop();
    await pool.stop();
  });

  it("keeps one connection per worker and no lease over 5,000 requests and 5,000 aborted ones", async () => {
    const normal = await runTraffic({ door: envoy.overrideHost, ratePerS: 300, count: 5000 });
    expect(normal.failures).toEqual({});
    expect(normal.answered).toBe(5000);
    const aborted = await runTraffic({ door: envoy.overrideHost, ratePerS: 300, count: 5000, abortShare: 1 });
    expect(aborted.failures).toEqual({});
    expect(aborted.aborted).toBeGreaterThan(4000);
    expect(
      await until(
        () => host.metric("outrider_inflight_requests"),
        (count) => count === 0,
      ),
    ).toBe(0);
    const running = async () =>
      (await fleet.stats()).servers.reduce((sum, { running, waiting }) => sum + running + waiting, 0);
    expect(await until(running, (count) => count === 0)).toBe(0);
    expect(await envoy.stat("cluster.ext_proc.upstream_cx_total")).toBe(1);
  }, 120_000);
});
