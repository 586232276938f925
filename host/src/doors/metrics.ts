import { Counter, Gauge, type Registry } from "prom-client";
import type { Door } from "../scheduling/types.ts";
import type { HeldBytes } from "./held-bytes.ts";

/** Registers what all doors share. */
export function registerHeldBytes(registry: Registry, held: HeldBytes): void {
  const registers = [registry];
  new Gauge({
    name: "outrider_held_bytes",
    help: "Bytes of bodies, of messages that are not whole yet and of unread answers, at all doors together.",
    registers,
    collect() {
      this.set(held.bytes);
    },
  });
  new Gauge({ name: "outrider_held_bytes_max", help: "Most that they may hold.", registers }).set(held.maxBytes);
}

/**
 * Counts the connections that a door closes at once, having as many as it may. All doors share the metric.
 * @returns what counts one.
 */
export function countRefusedConnections(registry: Registry, door: Door): () => void {
  const name = "outrider_connections_refused_total";
  const shared = registry.getSingleMetric(name) as Counter<"door"> | undefined;
  const help = "Connections that were closed at once, since the door had as many as it may.";
  const refused = shared ?? new Counter({ name, help, labelNames: ["door"], registers: [registry] });
  refused.inc({ door }, 0);
  return () => refused.inc({ door });
}
