import { createEndpointTable, createUtilizationDetector } from "@outrider/core";
import { describe, expect, it } from "vitest";
import { refuseSheddable, saturationOf } from "./admission.ts";

const detector = createUtilizationDetector("d", {
  queueDepthThreshold: 5,
  kvCacheUtilThreshold: 0.8,
  metricsStalenessMs: 200,
  headroom: 0,
});

/** A pool of endpoints with a role and so many waiting requests each. */
function poolOf(...endpoints: readonly (readonly [role: string, waiting: number])[]) {
  const table = createEndpointTable({ epoch: 1 });
  for (const [i, [role, waiting]] of endpoints.entries()) {
    const slot = table.upsert({ id: `e${i}`, address: `10.0.0.${i}:1`, labels: { "llm-d.ai/role": role } });
    table.setReady(slot, true);
    table.setValue(slot, "waiting_requests", waiting, 1_000);
    table.setValue(slot, "kv_cache_usage", 0, 1_000);
  }
  return { snapshot: table.publish(1_000), inflight: table.inflight, nowMs: 1_100 };
}

const pace = { ended: () => {}, retryAfterS: (saturation: number) => Math.ceil(saturation) };

describe("admission by saturation", () => {
  it("refuses a sheddable request where the endpoints of one part are full, though those of the other idle", () => {
    const pool = poolOf(["prefill", 10], ["decode", 0], ["decode", 0], ["decode", 0]);
    expect(saturationOf(detector, pool)).toBe(2);
    expect(refuseSheddable({ priority: -1 }, detector, pool, pace)).toMatchObject({ status: 429, retryAfterS: 2 });
    expect(refuseSheddable({ priority: 0 }, detector, pool, pace)).toBeUndefined();
  });

  it("lets it pass where both have room", () => {
    expect(refuseSheddable({ priority: -1 }, detector, poolOf(["prefill", 4], ["decode", 4]), pace)).toBeUndefined();
  });
});
