import { formatPath } from "./faults.ts";

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

/** What to do about a field of the reference EPP's form that is not available; `undefined` for others. */
export function adviseRefusedField(path: readonly (string | number)[]): string | undefined {
  const key = formatPath(path);
  return Object.hasOwn(remedies, key) ? remedies[key] : undefined;
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

const refusedParameters: readonly RefusedParameter[] = [
  { ...byServer, name: "vllm" },
  { ...byServer, name: "modelName" },
  { ...byServer, name: "udsTokenizerConfig" },
];

/** Parameters of a type that are refused, of those that are written. */
export function findRefusedParameters(type: string, parameters: object): readonly RefusedParameter[] {
  return refusedParameters.filter(({ types, name }) => types.includes(type) && Object.hasOwn(parameters, name));
}
