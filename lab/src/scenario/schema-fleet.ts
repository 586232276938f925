import { z } from "zod";
import { type EngineShape, hardwarePresets, modelPresets, parseEngineShape } from "../engine/index.ts";
import { chooseKind, chooseSchema, mostTokens, name, time } from "../workload/schema-values.ts";

const count = z.int().min(1);

/** A dense transformer in own numbers. */
const modelShape = z.strictObject({
  /** Weights, as a count of parameters. */
  parameters: z.number().min(1e6).max(1e14),
  /** Layers. */
  layers: count.max(10_000),
  /** Query heads of a layer. */
  heads: count.max(10_000),
  /** Key-value heads of a layer. */
  kvHeads: count.max(10_000),
  /** Width of one head. */
  headSize: count.max(100_000),
});

/** A GPU in own numbers. */
const hardware = z.strictObject({
  /** Memory of one device, in bytes. */
  memoryBytes: z.number().min(1e9).max(1e14),
  /** Peak memory bandwidth, in bytes a second. */
  bandwidthBytesPerS: z.number().min(1e9).max(1e16),
  /** Peak dense bf16 rate, in FLOP a second. */
  peakFlops: z.number().min(1e11).max(1e19),
  /** Share of the peak that a prefill reaches on several devices, in [0, 1]. */
  prefillEfficiency: z.number().gt(0).max(1),
  /** The same on one device. */
  prefillEfficiencySingle: z.number().gt(0).max(1),
});

/** What a server runs on, part by part. */
export const ownEngine = z.strictObject({
  /** A model that is known by name, or its numbers. */
  model: chooseSchema((value) => (typeof value === "string" ? presetOf(modelPresets) : modelShape)),
  /** A GPU that is known by name, or its numbers. */
  hardware: chooseSchema((value) => (typeof value === "string" ? presetOf(hardwarePresets) : hardware)),
  /** Devices that share the weights. */
  tensorParallel: count.max(64).default(1),
});

const presetEngine = z.string().transform((text, context): EngineShape => {
  try {
    return parseEngineShape(text);
  } catch {
    const known = `of ${Object.keys(modelPresets).join(", ")} on ${Object.keys(hardwarePresets).join(", ")}`;
    context.addIssue({ code: "custom", message: `must be MODEL:HARDWARE:DEVICES ${known}` });
    return z.NEVER;
  }
});

/** Model servers of one sort. */
const group = z.strictObject({
  /** Names its servers: `name-1`, `name-2` and so on. */
  name,
  /** How many there are. */
  count: count.max(10_000).default(1),
  /** What they run on: `MODEL:HARDWARE:DEVICES` of what is known by name, or `model`, `hardware` and `tensorParallel`. */
  engine: chooseSchema<EngineShape>((value) => (typeof value === "object" ? ownEngine : presetEngine)),
  /** Size of the KV cache of one, in tokens; default what the memory holds beside the weights. */
  kvTokens: count.max(1e9).optional(),
  /** Requests that one runs at once; default 256. */
  maxRunning: count.max(100_000).optional(),
  /** Tokens that one computes in a step; default 8192. */
  maxBatchTokens: count.max(mostTokens).optional(),
  /** Longest prompt and answer together, in tokens; default and at most the KV cache. */
  maxModelTokens: count.max(mostTokens).optional(),
  /** Parts of a request that they do; becomes the label `llm-d.ai/role`. */
  role: z
    .enum(["decode", "prefill", "encode", "prefill-decode", "encode-prefill", "encode-prefill-decode", "both"])
    .optional(),
  /** Labels that filters and scorers may read. */
  labels: z.record(z.string(), z.string()).default({}),
  /** Name of the model that they say they serve; default none, and with `adapters` `base`, as requests ask for. */
  model: z.string().min(1, "must not be empty").optional(),
  /** LoRA adapters that they serve besides the model. */
  adapters: z.array(z.string().min(1, "must not be empty")).default([]),
  /** Adapters that fit in one batch; default all of them. */
  maxAdapters: count.optional(),
  /** How much longer their steps take than the model says; 1 = no longer. */
  slowdown: z.number().min(0.01).max(1000).default(1),
});

/** `fleet:` of a scenario. */
export const fleet = z.array(group).min(1, "must have one group of servers at least");

/** `fleet:`, its shape checked. */
export type FleetSpec = z.output<typeof fleet>;

const commonEvent = {
  /** When, from the start. */
  at: time("from 0"),
  /** Names of servers, or of groups for all that are in them. */
  servers: z.array(z.string()).min(1, "must name one at least"),
};

/** Kinds of events, by their `kind:`. */
export const eventKinds = {
  /** Their steps take so much longer from now on. */
  slowdown: z.strictObject({
    kind: z.literal("slowdown"),
    ...commonEvent,
    /** How much longer; 1 = no longer. */
    factor: z.number().min(0.01).max(1000),
  }),
  /** They are gone at once: what is under way there fails. */
  crash: z.strictObject({ kind: z.literal("crash"), ...commonEvent }),
  /** They get nothing new, finish what is under way, and leave. */
  leave: z.strictObject({ kind: z.literal("leave"), ...commonEvent }),
  /** They join, or join again, with nothing in their caches; one whose first event this is is not there before. */
  join: z.strictObject({
    kind: z.literal("join"),
    ...commonEvent,
    /** How long a start takes until the first scrape is answered. */
    start: time("from 0").default(0),
  }),
};

/** Something that happens to the fleet, its shape checked. */
export type EventSpec = { readonly at: number; readonly servers: readonly string[] } & (
  | { readonly kind: "slowdown"; readonly factor: number }
  | { readonly kind: "crash" | "leave" }
  | { readonly kind: "join"; readonly start: number }
);

/** `events:` of a scenario. */
export const events = z.array(chooseKind<EventSpec>(eventKinds)).max(10_000, "must be at most 10000").default([]);

/** One of what is known by name. */
function presetOf<T>(presets: Readonly<Record<string, T>>) {
  return z.enum(Object.keys(presets) as [string, ...string[]]).transform((known) => presets[known]!);
}
