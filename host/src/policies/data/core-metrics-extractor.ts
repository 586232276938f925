import { z } from "zod";
import { builtInEngines } from "../../datalayer/engine-specs.ts";
import { engineLabel } from "../../datalayer/settings.ts";
import { definePolicy } from "../policy-type.ts";
import { engineConfig, toEngineSpec } from "./engine-parameters.ts";

const builtInNames: readonly string[] = builtInEngines.map(({ engine }) => engine);

/** `parameters:` of a `core-metrics-extractor`. */
const extractorParameters = z
  .strictObject({
    /** Label of an endpoint that names its engine; an endpoint without it is asked for the older one. */
    engineLabelKey: z
      .string()
      .default(engineLabel)
      .transform((key) => key || engineLabel),
    /** Engine of endpoints that name none, or one that nobody knows. */
    defaultEngine: z
      .string()
      .default("vllm")
      .transform((name) => name || "vllm"),
    /** Engines besides the built-in ones, or in the place of one of the same name. */
    engineConfigs: z.array(engineConfig).max(64).default([]),
  })
  .superRefine(({ defaultEngine, engineConfigs }, context) => {
    const names = engineConfigs.map(({ name }) => name);
    for (const [i, name] of names.entries()) {
      if (names.indexOf(name) === i) continue;
      context.addIssue({ code: "custom", path: ["engineConfigs", i, "name"], message: `${name} is there already` });
    }
    const known = [...new Set([...builtInNames, ...names])];
    if (known.includes(defaultEngine)) return;
    const message = `there is no engine ${defaultEngine}: write one of ${known.join(", ")}, or add it to engineConfigs`;
    context.addIssue({ code: "custom", path: ["defaultEngine"], message });
  });

/** Names of metrics, by engine. */
export const coreMetricsExtractor = definePolicy({
  type: "core-metrics-extractor",
  about:
    "Says by which names metrics are read: each endpoint's label names its engine; built in are " +
    `${builtInNames.join(", ")}.`,
  parameters: extractorParameters,
  dataPart: "extractor",
  explain: ({ engineLabelKey, defaultEngine, engineConfigs }) => {
    const own = engineConfigs.length === 0 ? "" : `, of which ${engineConfigs.map(({ name }) => name).join(", ")} here`;
    return `reads metrics by the names of the engine in label ${engineLabelKey}, else ${defaultEngine}${own}`;
  },
  data: ({ engineLabelKey, defaultEngine, engineConfigs }, settings) => ({
    ...settings,
    engines: { labelKey: engineLabelKey, defaultEngine, engines: engineConfigs.map(toEngineSpec) },
  }),
});
