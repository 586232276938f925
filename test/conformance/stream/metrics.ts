import { setTimeout as sleep } from "node:timers/promises";
import type { Fields } from "../fields.ts";
import type { HostUnderTest, MetricSample } from "../host/host-under-test.ts";
import { fail, notApplicable, type Verdict } from "../verdict.ts";

/** Longest time a metric gets to become right, in ms. */
const metricMs = 2_000;

/** Compares `expect_metrics`; `undefined` where all hold. A metric the host does not have makes the case not applicable. */
export async function compareMetrics(expected: Fields, host: HostUnderTest): Promise<Verdict | undefined> {
  for (const name of Object.keys(expected.values)) {
    const want = expected.object(name);
    if ((await host.metric(name)) === undefined) return notApplicable("metrics of the reference", name);
    const until = performance.now() + metricMs;
    while (!(await isAsWanted(want, name, host))) {
      if (performance.now() > until) return fail(`metric ${name} is not ${JSON.stringify(want.values)}`);
      await sleep(20);
    }
  }
  return undefined;
}

async function isAsWanted(want: Fields, name: string, host: HostUnderTest): Promise<boolean> {
  const samples = (await host.metric(name)) ?? [];
  const labels = want.strings("labels");
  const value = (metric: string) =>
    samples.find((sample) => sample.metric === metric && hasLabels(sample, labels))?.value;
  if (want.has("value")) return value(name) === want.number("value");
  const isSum = !want.has("histogram_sum") || value(`${name}_sum`) === want.number("histogram_sum");
  return isSum && value(`${name}_count`) === want.number("histogram_count");
}

/** The labels listed are all there are. */
function hasLabels({ labels }: MetricSample, wanted: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(labels);
  return names.length === Object.keys(wanted).length && names.every((name) => String(labels[name]) === wanted[name]);
}
