import { createTopologyAffinityFilter, defaultTopologyLabels, topologyLevels } from "@outrider/core";
import { z } from "zod";
import { definePolicy } from "../policy-type.ts";

/** A filter by nearness to an earlier pick. */
export const topologyAffinityFilter = definePolicy({
  type: "topology-affinity-filter",
  about: "Keeps the endpoints near the one that the first profile picked; all where that is unknown or none is near.",
  parameters: z.strictObject({
    /** What an endpoint must share with that pick, or something closer. */
    minAffinity: z.enum(topologyLevels).default("host"),
    /** Name of the `topology-extractor` that says which labels tell where an endpoint is. */
    topologyProducerName: z.string().default(""),
  }),
  refs: ({ topologyProducerName: name }) =>
    name === "" ? [] : [{ path: ["topologyProducerName"], name, role: "data" }],
  explain: ({ minAffinity }) => `keeps the endpoints in the same ${minAffinity} as the first profile's pick, or nearer`,
  filter: (name, { minAffinity }) => createTopologyAffinityFilter(name, { minAffinity, labels: defaultTopologyLabels }),
});
