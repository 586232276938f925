import { Gauge, type Registry } from "prom-client";
import type { HeldBytes } from "./held-bytes.ts";

/** Registers what all doors share. */
export function registerHeldBytes(registry: Registry, held: HeldBytes): void {
  const registers = [registry];
  new Gauge({
    name: "outrider_held_bytes",
    help: "Bytes that bodies of requests hold, at all doors together.",
    registers,
    collect() {
      this.set(held.bytes);
    },
  });
  new Gauge({ name: "outrider_held_bytes_max", help: "Most that they may hold.", registers }).set(held.maxBytes);
}
