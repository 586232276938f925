import { z } from "zod";

/** `parameters:` of a `topology-affinity-scorer`. */
export const topologyAffinityConfig = z.strictObject({
  /** Name of the `topology-extractor` that says which labels tell where an endpoint is; there is one, whatever the name. */
  topologyProducerName: z.string().default(""),
});
