import type { SecureClientSessionOptions } from "node:http2";
import { Registry } from "prom-client";
import { defaultDoorLimits } from "../../doors/limits.ts";
import { createFakeScheduler, type FakeScheduler } from "../../doors/testing/fake-scheduler.ts";
import { createExtProcMetrics } from "../metrics.ts";
import { createExtProcServer, type ExtProcServer, type ExtProcServerOptions } from "../server.ts";
import { connectGateway, type FakeGateway } from "./fake-gateway.ts";

/** An ext_proc door in this process with a gateway connected to it. */
export interface OpenDoor extends Pick<FakeGateway, "open"> {
  readonly server: ExtProcServer;
  readonly scheduler: FakeScheduler;
  readonly gateway: FakeGateway;
  readonly url: string;
  /** Value of a metric by its name and labels, as the page has them. */
  metric(name: string): Promise<number | undefined>;
  close(): Promise<void>;
}

/**
 * @param options what differs from a plaintext door with 1 MiB of body and the default deadlines.
 * @param client the gateway's side of TLS.
 */
export async function openDoor(
  options: Partial<ExtProcServerOptions> = {},
  client: SecureClientSessionOptions = {},
): Promise<OpenDoor> {
  const registry = new Registry();
  const scheduler = createFakeScheduler();
  const metrics = createExtProcMetrics(registry);
  const defaults = {
    scheduler,
    metrics,
    limits: { ...defaultDoorLimits, maxBodyBytes: 1024 * 1024 },
    tls: undefined,
    health: undefined,
  };
  const server = createExtProcServer({ ...defaults, ...options });
  const { port } = await server.listen("127.0.0.1", 0);
  const url = `${options.tls === undefined ? "http" : "https"}://localhost:${port}`;
  const gateway = await connectGateway(url, client);
  return {
    server,
    scheduler,
    gateway,
    url,
    open: gateway.open,
    async metric(name) {
      const line = (await registry.metrics()).split("\n").find((text) => text.startsWith(`${name} `));
      return line === undefined ? undefined : Number(line.slice(name.length + 1));
    },
    async close() {
      gateway.close();
      await server.close();
    },
  };
}
