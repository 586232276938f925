import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { createHeldBytes } from "./held-bytes.ts";
import { countRefusedConnections, registerHeldBytes } from "./metrics.ts";

it("counts refused connections of all doors in one metric, each from 0", async () => {
  const registry = new Registry();
  const [extProc] = [countRefusedConnections(registry, "ext_proc"), countRefusedConnections(registry, "pick")];
  extProc();
  extProc();
  const page = await registry.metrics();
  expect(page.match(/^outrider_connections_refused_total.*$/gm)).toEqual([
    'outrider_connections_refused_total{door="ext_proc"} 2',
    'outrider_connections_refused_total{door="pick"} 0',
  ]);
});

it("tells what is held now, and the most", async () => {
  const registry = new Registry();
  const held = createHeldBytes(100);
  registerHeldBytes(registry, held);
  held.take(30);
  expect((await registry.metrics()).match(/^outrider_held.*$/gm)).toEqual([
    "outrider_held_bytes 30",
    "outrider_held_bytes_max 100",
  ]);
});
