import type { ProcessSpec } from "./types.ts";

/** A process that the host starts itself. */
export type StartedProcess = Extract<ProcessSpec, { kind: "command" }>;
