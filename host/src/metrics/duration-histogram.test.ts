import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { createDurationHistogram } from "./duration-histogram.ts";

it("is written as Prometheus reads histograms", async () => {
  const registry = new Registry();
  const histogram = createDurationHistogram(registry, "wait_seconds", "Time waited.");
  const a = histogram.series({ who: "a" });
  for (const seconds of [0.00005, 0.004, 7]) a.observe(seconds);
  histogram.series({ who: "b" });
  const lines = (await registry.metrics()).split("\n");
  expect(lines.slice(0, 2)).toEqual(["# HELP wait_seconds Time waited.", "# TYPE wait_seconds histogram"]);
  expect(lines).toContain('wait_seconds_bucket{le="0.00005",who="a"} 1');
  expect(lines).toContain('wait_seconds_bucket{le="0.005",who="a"} 2');
  expect(lines).toContain('wait_seconds_bucket{le="0.1",who="a"} 2');
  expect(lines).toContain('wait_seconds_bucket{le="+Inf",who="a"} 3');
  expect(lines).toContain('wait_seconds_sum{who="a"} 7.00405');
  expect(lines).toContain('wait_seconds_count{who="a"} 3');
  expect(lines).toContain('wait_seconds_count{who="b"} 0');
});
