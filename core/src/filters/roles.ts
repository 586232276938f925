import type { EndpointInfo } from "../contract/index.ts";

/** Label that tells what an endpoint does of a request. */
export const roleLabel = "llm-d.ai/role";

/** Parts of a request that endpoints of their own may do. */
export type Stage = "encode" | "prefill" | "decode";

/** Values of {@link roleLabel} of those that do a part; `both` is an old name of `prefill-decode`. */
const rolesOf: Readonly<Record<Stage, readonly string[]>> = {
  encode: ["encode", "encode-prefill", "encode-prefill-decode"],
  prefill: ["prefill", "encode-prefill", "prefill-decode", "both", "encode-prefill-decode"],
  decode: ["decode", "prefill-decode", "both", "encode-prefill-decode"],
};

/** Whether an endpoint does a part of requests; one without the label decodes, as whoever does everything. */
export function doesStage({ labels }: EndpointInfo, stage: Stage): boolean {
  const role = labels[roleLabel];
  return role === undefined ? stage === "decode" : rolesOf[stage].includes(role);
}
