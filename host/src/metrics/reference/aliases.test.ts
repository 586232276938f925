import { expect, it } from "vitest";
import { families } from "./families.ts";
import { prefix } from "./family-spec.ts";
import { openReference, someRequest, someResponse } from "./fixtures/open-reference.ts";

const specs = families.flatMap(({ specs }) => specs);

it("has every name once", () => {
  const names = specs.flatMap(({ name, aliases }) => [`${prefix}${name}`, ...aliases.map((alias) => alias.name)]);
  expect(names.filter((name, i) => names.indexOf(name) !== i)).toEqual([]);
});

it("takes the labels of older names from those that there are", () => {
  const faults = specs.flatMap(({ name, labels, aliases }) =>
    aliases.flatMap((alias) =>
      Object.values(alias.labels)
        .filter((label) => !labels.includes(label))
        .map((label) => [name, label]),
    ),
  );
  expect(faults).toEqual([]);
});

it("has bounds, ascending, for histograms and for nothing else", () => {
  for (const { name, kind, bounds } of specs) {
    expect(`${name} ${bounds !== undefined}`).toBe(`${name} ${kind === "histogram"}`);
    expect([...(bounds ?? [])]).toEqual([...(bounds ?? [])].sort((a, b) => a - b));
  }
});

it("registers what is declared, and nothing else", async () => {
  const { registry } = openReference();
  const declared = specs.flatMap(({ name, aliases }) => [`${prefix}${name}`, ...aliases.map((alias) => alias.name)]);
  expect(
    registry
      .getMetricsAsArray()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(declared.sort());
});

it("sums older names up over the labels that they lack", async () => {
  const { observer, linesOf } = openReference();
  const requests = [someRequest, { ...someRequest, fairnessId: "other tenant" }, { ...someRequest, priority: 0 }];
  for (const request of requests) {
    observer.sent(request, 0);
    observer.done(request, someResponse);
  }
  expect(await linesOf("inference_objective_request_total", "inference_objective_input_tokens_sum")).toEqual([
    'inference_objective_request_total{model_name="m",target_model_name="t",priority="2"} 2',
    'inference_objective_request_total{model_name="m",target_model_name="t",priority="0"} 1',
    'inference_objective_input_tokens_sum{model_name="m",target_model_name="t"} 90',
  ]);
  const buckets = await linesOf('inference_objective_request_duration_seconds_bucket{le="1"');
  expect(buckets).toEqual([
    'inference_objective_request_duration_seconds_bucket{le="1",model_name="m",target_model_name="t"} 3',
  ]);
});

it("tells the same under an older name with the same labels", async () => {
  const { observer, linesOf } = openReference();
  observer.sent({ ...someRequest, rewriteRule: "r" }, 0);
  const withoutName = (line = "") => line.slice(line.indexOf("{"));
  const [now, older] = await linesOf("llm_d_epp_model_rewrite", "inference_extension_model_rewrite");
  expect(withoutName(older)).toBe(withoutName(now));
});

it("reads the same, asked for text or for values", async () => {
  const { observer, registry, linesOf } = openReference();
  observer.sent(someRequest, 0);
  const name = "llm_d_epp_request_size_bytes";
  const { values } = await registry.getSingleMetric(name)!.get();
  const asText = values.map(({ labels, value, ...more }) => {
    const told = Object.entries(labels).map(([key, text]) => `${key}="${text}"`);
    return `${(more as { metricName?: string }).metricName}{${told.join(",")}} ${value}`;
  });
  expect(await linesOf(name)).toEqual(asText);
});
