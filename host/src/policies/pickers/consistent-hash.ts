import { createConsistentHashPicker, type HashKey, type Need, type NeedKey } from "@outrider/core";
import { z } from "zod";
import { headerName } from "../common-parameters.ts";
import { definePolicy } from "../policy-type.ts";
import { maxNumOfEndpoints } from "./max-num-of-endpoints.ts";

/** `parameters:` of a `consistent-hash` picker. */
const consistentHashParameters = z
  .strictObject({
    maxNumOfEndpoints,
    /** What requests have in common that go to the same endpoint. */
    keyBy: z.enum(["session", "header", "model", "prompt-prefix"]).default("session"),
    /** Header of the request, by `keyBy: header`. */
    header: headerName.optional(),
    /** Tokens of the prompt that count, in whole prefix blocks, by `keyBy: prompt-prefix`; default 1024. */
    prefixTokens: z.int().min(1).max(1_048_576).optional(),
    /** Requests in flight that an endpoint may have, as a multiple of the mean, such as 1.25; default any number. */
    maxLoadFactor: z.number().min(1).max(1_000).optional(),
  })
  .superRefine(({ keyBy, header, prefixTokens }, context) => {
    const fault = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message });
    if (keyBy === "header" && header === undefined) fault("header", "is missing: keyBy: header needs its name");
    if (keyBy !== "header" && header !== undefined) fault("header", `means nothing with keyBy: ${keyBy}`);
    if (keyBy !== "prompt-prefix" && prefixTokens !== undefined) {
      fault("prefixTokens", `means nothing with keyBy: ${keyBy}`);
    }
  });

type Parameters = z.output<typeof consistentHashParameters>;

/** A picker that sends what belongs together to one endpoint. */
export const consistentHash = definePolicy({
  type: "consistent-hash",
  about: "Picks the same endpoint for the same session, header, model or prompt prefix; the highest total without one.",
  parameters: consistentHashParameters,
  needs: (parameters) => [toNeed(parameters), ...loadNeeds(parameters)],
  explain: ({ keyBy, header, maxLoadFactor }) =>
    `picks the same endpoint for the same ${keyBy === "header" ? `header ${header}` : keyBy.replace("-", " ")}` +
    (maxLoadFactor === undefined ? "" : `, while it has less than ${maxLoadFactor} times the mean in flight`),
  picker: (name, parameters) => {
    const { maxLoadFactor = 0, maxNumOfEndpoints } = parameters;
    return createConsistentHashPicker(name, { keyBy: toHashKey(parameters), maxLoadFactor, maxNumOfEndpoints });
  },
});

function toHashKey({ keyBy, header = "", prefixTokens = 1_024 }: Parameters): HashKey {
  if (keyBy === "header") return { kind: "header", name: header };
  return keyBy === "prompt-prefix" ? { kind: "prompt-prefix", tokens: prefixTokens } : { kind: keyBy };
}

function toNeed(parameters: Parameters): NeedKey | Need {
  const key = toHashKey(parameters);
  switch (key.kind) {
    case "session":
      return "request.session_key";
    case "header":
      return { key: "request.headers", names: [key.name] };
    case "model":
      return "request.model";
    case "prompt-prefix":
      return "request.block_hashes";
  }
}

function loadNeeds({ maxLoadFactor }: Parameters): readonly NeedKey[] {
  return maxLoadFactor === undefined ? [] : ["inflight_requests"];
}
