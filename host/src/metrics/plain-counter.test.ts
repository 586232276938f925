import { Registry } from "prom-client";
import { expect, it } from "vitest";
import { createPlainCounter } from "./plain-counter.ts";

it("is written as the library writes counters", async () => {
  const registry = new Registry();
  const counter = createPlainCounter(registry, "outrider_things_total", "Things.");
  const seen = counter.series({ kind: 'a "b"' });
  counter.series({});
  for (let i = 0; i < 3; i++) seen.inc();
  expect((await registry.metrics()).trim().split("\n")).toEqual([
    "# HELP outrider_things_total Things.",
    "# TYPE outrider_things_total counter",
    'outrider_things_total{kind="a \\"b\\""} 3',
    "outrider_things_total 0",
  ]);
});
