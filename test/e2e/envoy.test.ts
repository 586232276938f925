import { createHash } from "node:crypto";
import { request as httpRequest } from "node:http";
import type { Envoy } from "@outrider/example-envoy";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { envoyMissing, startEnvoyFor } from "../clients/envoy.ts";
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

  for (const listener of ["originalDst", "overrideHost"] as const) {
    describe(`${listener} listener`, () => {
      it("answers a POST with JSON from the picked model server", async () => {
        const response = await post(envoy[listener], { model: "m", prompt: "hello", max_tokens: 3 });
        expect(response.status).toBe(200);
        expect(JSON.parse(response.text)).toMatchObject({ object: "text_completion" });
        expect(fleet.endpoints).toContain(response.headers["x-served-by"]);
      });

      it("answers GET and HEAD", async () => {
        const models = await request(`${envoy[listener]}/v1/models`);
        expect(models.statusCode).toBe(200);
        expect(await models.body.json()).toMatchObject({ object: "list" });
        const head = await request(`${envoy[listener]}/v1/models`, { method: "HEAD" });
        expect(head.statusCode).toBe(200);
        await head.body.dump();
      });

      it("streams an SSE answer chunk by chunk", async () => {
        const arrivals: number[] = [];
        const response = await request(`${envoy[listener]}/sse?chunks=5&gapMs=100&bytes=64`);
        for await (const _ of response.body) arrivals.push(performance.now());
        expect(arrivals.length).toBeGreaterThanOrEqual(5);
        expect((arrivals.at(-1) ?? 0) - (arrivals[0] ?? 0)).toBeGreaterThan(200);
      });

      for (const bytes of [400_000, 5_000_000]) {
        it(`carries a body of ${bytes} bytes unchanged`, async () => {
          const body = JSON.stringify({ model: "m", prompt: "x".repeat(bytes) });
          const response = await request(`${envoy[listener]}/echo`, { method: "POST", body });
          expect(response.statusCode).toBe(200);
          expect(await response.body.json()).toMatchObject({ bodyBytes: body.length, sha256: sha256(body) });
        });
      }

      it("carries request trailers to the model server", async () => {
        const body = JSON.stringify({ model: "m", prompt: "x" });
        const echoed = await postChunked(`${envoy[listener]}/echo`, body, { "x-checksum": "42" });
        expect(JSON.parse(echoed.text)).toMatchObject({ trailers: { "x-checksum": "42" } });
      });

      it("overwrites a destination that the client names", async () => {
        const headers = { "x-gateway-destination-endpoint": "127.0.0.1:1" };
        const response = await post(envoy[listener], { model: "m", prompt: "hello", max_tokens: 1 }, headers);
        expect(response.status).toBe(200);
      });
    });
  }

  const faults = [
    { title: "a body that is no JSON", body: "{nonsense", status: 400 },
    { title: "a body that ends early", body: '{"model":"m"', status: 400 },
    { title: "a body without a model", body: '{"prompt":"x"}', status: 400 },
    { title: "an empty body", body: "", status: 400 },
  ];
  for (const { title, body, status } of faults) {
    it(`answers ${status} in the reference's form to ${title}`, async () => {
      const response = await postChunked(`${envoy.overrideHost}/v1/completions`, body);
      expect(response.status).toBe(status);
      expect(response.text).toMatch(/^inference error: BadRequest - /);
    });
  }

  it("answers 413 to a body above the limit while it is still coming", async () => {
    const response = await request(`${envoy.overrideHost}/v1/completions`, {
      method: "POST",
      body: JSON.stringify({ model: "m", prompt: "x".repeat(11 * 1024 * 1024) }),
    });
    expect(response.statusCode).toBe(413);
    await response.body.dump();
  });

  it("goes to the next endpoint of the list when one has left", async () => {
    const list = "- { name: best, type: max-score-picker, parameters: { maxNumOfEndpoints: 3 } }";
    const config = `apiVersion: outrider.dev/v1alpha1\nkind: EndpointPickerConfig\nplugins:\n- { name: s, type: session-affinity }\n${list}\nschedulingProfiles:\n- { name: default, plugins: [{ pluginRef: s }, { pluginRef: best }] }\n`;
    const pool = await spawnFleet({ servers: 3, timeScale: 0.01, models: ["*"] });
    const picky = await startHost({ endpoints: pool.endpoints, config, args: ["--no-warmup"] });
    const gateway = await startEnvoyFor(picky, pool.endpoints);
    const ask = () => post(gateway.overrideHost, { model: "m", prompt: "x", max_tokens: 1 }, { "x-session-id": "one" });
    const first = await ask();
    await pool.fault(String(first.headers["x-served-by"]), { leave: true });
    const second = await ask();
    expect(second.status).toBe(200);
    expect(second.headers["x-served-by"]).not.toBe(first.headers["x-served-by"]);
    await gateway.stop();
    await picky.stop();
    await pool.stop();
  });

  it("tells the client when the model server resets in the middle of a stream, and lets go of the lease", async () => {
    await fleet.fault(fleet.endpoints[0] ?? "", { resetAfterTokens: 3 });
    for (const endpoint of fleet.endpoints.slice(1)) await fleet.fault(endpoint, { resetAfterTokens: 3 });
    await expect(post(envoy.overrideHost, { model: "m", prompt: "x", max_tokens: 50, stream: true })).rejects.toThrow();
    for (const endpoint of fleet.endpoints) await fleet.fault(endpoint, {});
    expect(
      await until(
        () => host.metric("outrider_inflight_requests"),
        (count) => count === 0,
      ),
    ).toBe(0);
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

async function post(door: string, message: unknown, extra: Readonly<Record<string, string>> = {}) {
  const headers = { "content-type": "application/json", ...extra };
  const response = await request(`${door}/v1/completions`, { method: "POST", headers, body: JSON.stringify(message) });
  return { status: response.statusCode, headers: response.headers, text: await response.body.text() };
}

/** A chunked POST, as HTTP/1.1 has it where the length is not known, with trailers where some are given. */
function postChunked(url: string, body: string, trailers: Readonly<Record<string, string>> = {}) {
  return new Promise<{ status: number; text: string }>((resolve, reject) => {
    const headers = { "transfer-encoding": "chunked", trailer: Object.keys(trailers).join(", ") };
    const sent = httpRequest(url, { method: "POST", headers }, (response) => {
      const parts: Buffer[] = [];
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: Buffer.concat(parts).toString() }));
    });
    sent.on("error", reject);
    sent.flushHeaders();
    if (body !== "") sent.write(body);
    sent.addTrailers(trailers);
    sent.end();
  });
}

function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
