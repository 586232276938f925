import { setTimeout as sleep } from "node:timers/promises";
import { type Envoy, installEnvoy, startEnvoy } from "@outrider/example-envoy";
import { type Fleet, spawnFleet } from "@outrider/fleet";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cacheFolder, envoyMissing, startEnvoyFor } from "../clients/envoy.ts";
import { startHost } from "../clients/host.ts";
import { until } from "../clients/poll.ts";

describe.skipIf(envoyMissing !== undefined)(`a host behind Envoy${envoyMissing ? ` (${envoyMissing})` : ""}`, () => {
  let fleet: Fleet;
  beforeAll(async () => {
    fleet = await spawnFleet({ servers: 2, timeScale: 0.01, models: ["*"] });
  });
  afterAll(() => fleet?.stop());

  it("finishes what is open when it is told to end, and ends", async () => {
    const host = await startHost({ endpoints: fleet.endpoints, args: ["--no-warmup"] });
    const envoy = await startEnvoyFor(host, fleet.endpoints);
    const streams = Array.from({ length: 10 }, () => readAll(`${envoy.overrideHost}/sse?chunks=20&gapMs=100`));
    await sleep(500);
    const startedAt = Date.now();
    host.kill("SIGTERM");
    const texts = await Promise.all(streams);
    for (const text of texts) expect(text.split("\n\n").filter(Boolean)).toHaveLength(21);
    expect(await host.exited).toBe(0);
    expect(Date.now() - startedAt).toBeGreaterThan(1000);
    await envoy.stop();
  });

  it("speaks TLS with a certificate of its own, and answers Envoy's health checks", async () => {
    const args = ["--no-warmup", "--secure-serving=true", "--health-checking"];
    const host = await startHost({ endpoints: fleet.endpoints, args });
    const envoy = await startEnvoy({
      program: await installEnvoy(cacheFolder),
      extProc: host.addresses.extProc,
      endpoints: fleet.endpoints,
      edit(config) {
        const extProc = ["static_resources", "clusters", 2];
        config.setIn([...extProc, "transport_socket"], config.createNode(tlsSocket));
        config.setIn([...extProc, "common_lb_config"], config.createNode({ healthy_panic_threshold: { value: 0 } }));
        config.setIn([...extProc, "health_checks"], config.createNode([healthCheck]));
      },
    });
    expect(
      await until(
        () => ask(envoy),
        (status) => status === 200,
      ),
    ).toBe(200);
    expect(
      await until(
        () => envoy.stat("cluster.ext_proc.health_check.success"),
        (count) => count > 0,
      ),
    ).toBeGreaterThan(0);
    expect(await envoy.stat("cluster.ext_proc.ssl.handshake")).toBeGreaterThan(0);
    await envoy.stop();
    await host.stop();
  });
});

const tlsSocket = {
  name: "envoy.transport_sockets.tls",
  typed_config: {
    "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext",
    common_tls_context: { alpn_protocols: ["h2"], validation_context: {} },
  },
};
const healthCheck = {
  timeout: "2s",
  interval: "0.2s",
  no_traffic_interval: "0.2s",
  unhealthy_threshold: 2,
  healthy_threshold: 1,
  grpc_health_check: { service_name: "envoy.service.ext_proc.v3.ExternalProcessor" },
};

async function ask(envoy: Envoy): Promise<number> {
  const body = JSON.stringify({ model: "m", prompt: "x", max_tokens: 1 });
  const response = await request(`${envoy.overrideHost}/v1/completions`, { method: "POST", body });
  await response.body.dump();
  return response.statusCode;
}

async function readAll(url: string): Promise<string> {
  const response = await request(url);
  return response.body.text();
}
