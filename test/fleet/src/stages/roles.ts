/** What a server may be, as in the label `llm-d.ai/role`; empty: a server without the label. */
export const serverRoles = [
  "",
  "prefill",
  "decode",
  "encode",
  "prefill-decode",
  "both",
  "encode-prefill",
  "encode-prefill-decode",
] as const;

/** One of them. */
export type ServerRole = (typeof serverRoles)[number];

/** One part of serving a request. */
export type Stage = "encode" | "prefill" | "decode";

const stagesOf: Readonly<Record<ServerRole, readonly Stage[]>> = {
  "": ["decode"],
  prefill: ["prefill"],
  decode: ["decode"],
  encode: ["encode"],
  "prefill-decode": ["prefill", "decode"],
  both: ["prefill", "decode"],
  "encode-prefill": ["encode", "prefill"],
  "encode-prefill-decode": ["encode", "prefill", "decode"],
};

/** Whether a server of a role does a part. */
export function doesStage(role: ServerRole, stage: Stage): boolean {
  return stagesOf[role].includes(stage);
}
