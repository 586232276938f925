import { deriveSeed } from "@outrider/core";
import { z } from "zod";
import type { Arrival, LabRequest } from "../contract/index.ts";
import { type Arrivals, arrivals } from "./arrivals.ts";
import { drawExponential, drawIndex, type Random } from "./draws.ts";
import { headers, mostTokens, name, share, time } from "./schema-values.ts";

/** Model that requests ask for, and that servers with adapters have, where nothing else is written. */
export const defaultModel = "base";

/** What every part of a workload may say. */
export const partFields = {
  /** Names the part in results; default its kind. */
  name: name.optional(),
  /** Model that requests ask for; default `base`. */
  model: z.string().min(1, "must not be empty").max(256, "must be at most 256 characters long").default(defaultModel),
  /** LoRA adapters that requests ask for instead, each as often; caches of two adapters share nothing. */
  adapters: z.array(z.string().min(1, "must not be empty")).min(1, "must name one at least").optional(),
  /** Longest answer that clients allow, in tokens; routers are told. Default: none is named. */
  maxOutputTokens: z.int().min(1).max(mostTokens).optional(),
  /** Targets, sent along as headers and held against the results. */
  slo: z
    .strictObject({
      /** Longest time to the first token. */
      ttft: time("above 0").optional(),
      /** Longest mean time per token behind it. */
      tpot: time("above 0").optional(),
    })
    .optional(),
  /** Further request headers, such as an objective. */
  headers: headers.optional(),
  /** Clients that give up by themselves. */
  aborts: z
    .strictObject({
      /** How many of them, in [0, 1]. */
      share,
      /** Mean time after which they do, exponentially spread. */
      after: time("above 0"),
    })
    .optional(),
};

/** What a part whose requests are made, not recorded, may say besides. */
export const madeFields = {
  ...partFields,
  /** When its requests arrive; where it has none, they are its share of the workload's. */
  arrivals: arrivals.optional(),
  /** Its share of the workload's arrivals, relative to the other parts; default 1. */
  share: z.number().gt(0).max(1_000_000).optional(),
};

const partObject = z.object(partFields);

/** What every part says, checked. */
export type PartFields = z.output<typeof partObject>;

/** A part as it takes part in a workload. */
export interface PartContext {
  /** Unique in the workload; results are told by it. */
  readonly name: string;
  /** Of everything that is drawn for it. */
  readonly seed: number;
  /** Keeps its contents apart from those of other parts, 32 bits. */
  readonly space: number;
  /** Folder that files start from. */
  readonly folder: string;
  /** Folder of the scenario as it was named, for messages. */
  readonly shownFolder: string;
}

/** A part of a workload, checked. */
export type Part = PartFields & {
  /** Its `kind:` as it is written; its name where it has none. */
  readonly type: string;
} & (
    | {
        readonly kind: "made";
        readonly arrivals?: Arrivals | undefined;
        readonly share?: number | undefined;
        /** Begins anew; the function makes one request after the other. */
        open(part: PartContext): () => LabRequest;
      }
    | {
        readonly kind: "recorded";
        /** File that it is read from, as it is written. */
        readonly file: string;
        /** @throws {OutriderError} `SCENARIO_INVALID` for what cannot be read, while it runs. */
        open(part: PartContext): AsyncIterable<readonly Arrival[]>;
      }
  );

/** What requests of a part have in common, but for what is drawn. */
export type RequestFrame = Pick<LabRequest, "model" | "headers" | "sloTtftMs" | "sloTpotMs" | "part"> & {
  /** Keeps contents apart that share no cache, 32 bits. */
  readonly space: number;
  /** Longest answer that the client allows; absent = any. */
  readonly cap: Pick<LabRequest, "maxOutputTokens">;
};

/** Draws a frame of the part. */
export type DrawFrame = (random: Random) => RequestFrame;

/** Frames of a part: one for each adapter. */
export function createFrames(fields: PartFields, { name: part, space }: PartContext): DrawFrame {
  const { adapters, model, maxOutputTokens, slo, headers = {} } = fields;
  const models = adapters ?? [model];
  const cap = maxOutputTokens === undefined ? {} : { maxOutputTokens };
  const frames = models.map(
    (asked, i): RequestFrame => ({
      model: asked,
      headers,
      sloTtftMs: slo?.ttft ?? 0,
      sloTpotMs: slo?.tpot ?? 0,
      part,
      space: deriveSeed(space, i),
      cap,
    }),
  );
  return (random) => frames[frames.length === 1 ? 0 : drawIndex(random, frames.length)]!;
}

/** What a request is beside its frame. */
export type RequestContent = Pick<LabRequest, "promptTokens" | "outputTokens" | "blockKeys" | "sessionKey" | "next">;

/** A request in its frame. */
export function toRequest(frame: RequestFrame, content: RequestContent, abortAfterMs: number): LabRequest {
  const { model, headers, sloTtftMs, sloTpotMs, part, cap } = frame;
  const outputTokens = capOutput(frame, content.outputTokens);
  return { model, headers, sloTtftMs, sloTpotMs, part, abortAfterMs, ...cap, ...content, outputTokens };
}

/** Tokens of an answer that would have so many. */
export function capOutput({ cap: { maxOutputTokens = mostTokens } }: RequestFrame, outputTokens: number): number {
  return Math.min(outputTokens, maxOutputTokens);
}

/** When the client of a request gives up, in ms; 0 = it does not. */
export function drawAbortMs({ aborts }: PartFields, random: Random): number {
  if (aborts === undefined || random() >= aborts.share) return 0;
  return Math.max(1, aborts.after * drawExponential(random));
}
