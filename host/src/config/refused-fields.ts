import { type FaultPath, formatPath } from "./faults.ts";
import { isMap } from "./plain.ts";
import type { Reporter } from "./reporter.ts";

const notQueued = "remove it: requests are never queued";

/** What to do about fields of the reference EPP's form that are not available, by path without indexes. */
const remedies: Readonly<Record<string, string>> = {
  "flowControl.maxBytes": notQueued,
  "flowControl.maxRequests": notQueued,
  "flowControl.defaultRequestTTL": notQueued,
  "flowControl.noEndpointRequestTTL": notQueued,
  "flowControl.defaultPriorityBand": "remove it: there are no bands; name priorities under objectives:",
  "flowControl.defaultNegativePriorityBand": "remove it: there are no bands; name priorities under objectives:",
  "flowControl.priorityBands": "remove it: there are no bands; name priorities under objectives:",
  "flowControl.usageLimitPolicyPluginRef": "remove it: there is no limit by priority but for those below 0",
  "flowControl.enableEviction": "remove it: requests under way are never taken back",
};

/** Fields of a detector that stand where its name has to. */
const detectorFields = ["pluginRef", "queueDepthThreshold", "kvCacheUtilThreshold", "metricsStalenessThreshold"];
const byName =
  "declare - type: utilization-detector with the thresholds as its parameters, and write saturationDetector: { pluginRef: utilization-detector }";

/** What is wrong with a field of the reference EPP's form, and what to write; `undefined` for others. */
export function adviseRefusedField(path: FaultPath): { readonly message: string; readonly remedy: string } | undefined {
  const key = formatPath(path);
  if (detectorFields.some((field) => key === `saturationDetector.${field}`)) {
    const message = path.at(-1) === "pluginRef" ? "is missing: a detector is named" : "is a parameter of the detector";
    return { message, remedy: byName };
  }
  const remedy = Object.hasOwn(remedies, key) ? remedies[key] : undefined;
  return remedy === undefined ? undefined : { message: "of the reference EPP is not available", remedy };
}

/** A parameter of a type that is there, which asks for what is not. */
interface RefusedParameter {
  readonly types: readonly string[];
  readonly name: string;
  readonly message: string;
  readonly remedy: string;
}

const tokenTypes = ["token-producer", "tokenizer"] as const;
const byServer = {
  types: tokenTypes,
  message: "asks a model server for tokens, which is not available",
  remedy: "remove it: prompt tokens are estimated",
};

const ofProducer = {
  types: ["prefix-cache-scorer"],
  message: "is a parameter of approx-prefix-cache-producer",
  remedy: "declare - type: approx-prefix-cache-producer, and move it there",
};
const producerParameters =
  "autoTune blockSize blockSizeTokens maxPrefixTokensToMatch maxPrefixBlocksToMatch lruCapacityPerServer";

const refusedParameters: readonly RefusedParameter[] = [
  { ...byServer, name: "vllm" },
  { ...byServer, name: "modelName" },
  { ...byServer, name: "udsTokenizerConfig" },
  ...producerParameters.split(" ").map((name) => ({ ...ofProducer, name })),
  {
    types: ["prefix-cache-scorer", "approx-prefix-cache-producer"],
    name: "hashBlockSize",
    message: "is an older name, of blocks in characters",
    remedy: "remove it: prefixes are matched by blocks of 64 tokens",
  },
];

/** Reports parameters of a type that are refused; tells whether there are some. @param path of the entry. */
export function reportRefusedParameters(type: string, written: unknown, path: FaultPath, report: Reporter): boolean {
  if (!isMap(written)) return false;
  const refused = refusedParameters.filter(({ types, name }) => types.includes(type) && Object.hasOwn(written, name));
  for (const { name, message, remedy } of refused) {
    report.fault([...path, "parameters", name], message, remedy, "key");
  }
  return refused.length > 0;
}
