import { isMap } from "@outrider/host";
import { z } from "zod";
import { arrivals } from "./arrivals.ts";
import { chatPart } from "./chat.ts";
import type { WorkloadSpec } from "./mix.ts";
import type { Part } from "./part.ts";
import { recordingPart } from "./recording.ts";
import { chooseKind, chooseSchema } from "./schema-values.ts";
import { sharedPrefixPart } from "./shared-prefix.ts";
import { tracePart } from "./trace.ts";
import { uniquePart } from "./unique.ts";

/** Kinds of workloads, by their `kind:`. */
export const partKinds = {
  /** Prompts in groups that begin alike. */
  "shared-prefix": sharedPrefixPart,
  /** Conversations of several turns. */
  chat: chatPart,
  /** Prompts that have nothing in common. */
  unique: uniquePart,
  /** Requests that a file tells. */
  trace: tracePart,
  /** Requests of a live host, recorded. */
  recording: recordingPart,
};

/** One kind of requests. */
export const part = chooseKind<Part>(partKinds);

/** Several kinds side by side. */
export const mixture = z.strictObject({
  /** Arrivals that parts share, as far as they have none of their own. */
  arrivals: arrivals.optional(),
  /** The kinds. */
  parts: z.array(part).min(1, "must have one at least").max(100, "must be at most 100"),
});

/** `workload:` of a scenario: one kind, or `parts:` of several. */
export const workload = chooseSchema<WorkloadSpec>((value) =>
  isMap(value) && "parts" in value ? mixture : part.transform((only): WorkloadSpec => ({ parts: [only] })),
);
