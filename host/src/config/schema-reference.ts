import { z } from "zod";
import { pluginRef } from "./schema-values.ts";

/** What reads requests; `requestHandler:`. */
export const requestHandlerEntry = z.strictObject({
  /** Parsers, chosen by the end of a request's path; default those of OpenAI, Anthropic and vLLM, and passthrough. */
  parsers: z.array(pluginRef).default([]),
});

/** Where endpoints come from and what is read of them; `dataLayer:`. */
export const dataLayerEntry = z.strictObject({
  /** Whether metrics are scraped although no source says so. */
  injectDefaults: z.boolean().default(true),
  /** What is fetched of every endpoint again and again. */
  sources: z
    .array(
      z.strictObject({
        /** Name of a source. */
        pluginRef: z.string(),
        /** What is read out of it. */
        extractors: z.array(pluginRef).default([]),
      }),
    )
    .default([]),
  /** Where endpoints come from; default what the command line says. */
  discovery: pluginRef.optional(),
  /** Without effect, as in the reference EPP. */
  peerDiscovery: pluginRef.optional(),
  /** Without effect, as in the reference EPP. */
  crossReplicaSyncerPluginRef: z.string().optional(),
  /** Without effect, as in the reference EPP. */
  crossReplicaSyncInterval: z.string().optional(),
});

/** Which requests are refused when endpoints are full; `flowControl:`. */
export const flowControlEntry = z.strictObject({
  /** Tells how full endpoints are; default `utilization-detector`. */
  saturationDetector: pluginRef.optional(),
  /** Requests under way are never taken back. */
  enableEviction: z.literal(false).optional(),
});

/** `dataLayer:`, its shape checked. */
export type DataLayerEntry = z.output<typeof dataLayerEntry>;
