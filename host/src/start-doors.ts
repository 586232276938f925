import { networkInterfaces } from "node:os";
import type { Need } from "@outrider/core";
import type { Registry } from "prom-client";
import type { Closers } from "./closers.ts";
import type { ServeOptions } from "./commands/serve-options.ts";
import { createHeldBytes } from "./doors/held-bytes.ts";
import { registerHeldBytes } from "./doors/metrics.ts";
import { createHealthServer } from "./ext-proc/health-server.ts";
import { createExtProcMetrics } from "./ext-proc/metrics.ts";
import { createExtProcServer } from "./ext-proc/server.ts";
import { createGateway } from "./gateway/gateway.ts";
import { createGatewayMetrics } from "./gateway/metrics.ts";
import type { Log } from "./log.ts";
import { createPickMetrics } from "./pick/metrics.ts";
import { createPickServer } from "./pick/server.ts";
import type { Readiness } from "./readiness.ts";
import { readsBodies } from "./scheduling/decision-needs.ts";
import type { RequestRules } from "./scheduling/request-rules.ts";
import type { Scheduler } from "./scheduling/types.ts";
import { systemClock } from "./system-clock.ts";
import { createTlsSource } from "./tls/tls-source.ts";

/** What the ways in are made of. */
export interface DoorParts {
  readonly options: ServeOptions;
  readonly log: Log;
  readonly registry: Registry;
  readonly scheduler: Scheduler;
  readonly readiness: Readiness;
  /** What plugins and the configuration read of requests. */
  readonly granted: () => readonly Need[];
  /** What is said of requests, now. */
  readonly rules: () => RequestRules;
  /** Addresses of the endpoints there are. */
  readonly endpoints: () => readonly string[];
}

/** The ways in, open. */
export interface Doors {
  /** Where this machine reaches each of them, `ip:port`. */
  readonly addresses: Readonly<Record<string, string>>;
  /** Lets what is open end, at most for `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
}

/** One way in, not yet open. */
interface Door {
  readonly name: string;
  readonly port: number;
  readonly server: Server;
}

interface Server {
  listen(host: string, port: number): Promise<{ readonly port: number }>;
  drain?(timeoutMs: number): Promise<void>;
  close(): unknown;
}

/**
 * Opens the ways in, health first.
 * @throws the error of `listen`; `CONFIG_INVALID` for certificates that cannot be used.
 */
export async function startDoors(parts: DoorParts, closers: Closers): Promise<Doors> {
  const doors = await createDoors(parts, closers);
  for (const { server } of doors) closers.add(() => server.close());
  const addresses: Record<string, string> = {};
  for (const { name, port, server } of doors) {
    addresses[name] = `127.0.0.1:${(await server.listen(anyAddress(), port)).port}`;
  }
  return {
    addresses,
    async drain(timeoutMs) {
      await Promise.all(doors.map(async ({ server }) => server.drain?.(timeoutMs)));
    },
  };
}

async function createDoors(parts: DoorParts, closers: Closers): Promise<readonly Door[]> {
  const { options, log, registry, scheduler, readiness, granted, rules } = parts;
  const { limits, gatewayPort, pickPort } = options;
  const tlsParts = { clock: systemClock, log, registry };
  const tls = options.secureServing ? await createTlsSource(options.tls, tlsParts) : undefined;
  closers.add(() => tls?.close());
  const held = createHeldBytes(limits.maxHeldBytes);
  registerHeldBytes(registry, held);
  const health = () => ({ ready: readiness.reasons().length === 0, leader: undefined, draining: readiness.isDraining });
  const extProc = createExtProcServer({
    scheduler,
    metrics: createExtProcMetrics(registry),
    limits,
    held,
    tls,
    health: options.healthChecking ? health : undefined,
    bodyMode: options.bodyMode,
    wantsBody: () => readsBodies(granted(), rules()),
    mayRewrite: () => rules().rewritesModels,
    conformance: options.conformanceSwitches,
    poolName: options.poolName,
  });
  const doors: Door[] = [
    { name: "health", port: options.grpcHealthPort, server: createHealthServer(health) },
    { name: "extProc", port: options.grpcPort, server: extProc },
  ];
  if (gatewayPort !== undefined) {
    const metrics = createGatewayMetrics(registry);
    const { gateway } = options;
    const server = createGateway({
      scheduler,
      metrics,
      limits,
      held,
      options: gateway,
      endpoints: parts.endpoints,
      log,
    });
    doors.push({ name: "gateway", port: gatewayPort, server });
  }
  if (pickPort !== undefined) {
    const metrics = createPickMetrics(registry);
    const timeoutMs = options.pickTimeoutMs;
    const server = createPickServer({ scheduler, metrics, timeoutMs, readiness: readiness.reasons, limits, held });
    doors.push({ name: "pick", port: pickPort, server });
  }
  return doors;
}

/** All interfaces, of both families where the machine has both. */
function anyAddress(): string {
  const families = Object.values(networkInterfaces()).flatMap((addresses = []) =>
    addresses.map(({ family }) => family),
  );
  return families.includes("IPv6") ? "::" : "0.0.0.0";
}
