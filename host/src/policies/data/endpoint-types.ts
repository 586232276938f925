import { z } from "zod";
import { topologyLabels } from "../../datalayer/settings.ts";
import { definePolicy } from "../policy-type.ts";

/** A file of endpoints. */
export const fileDiscovery = definePolicy({
  type: "file-discovery",
  about: "Takes the endpoints from a file, in the form of `--endpoints-file`, in the place of those that flags name.",
  parameters: z.strictObject({
    /** The file, YAML or JSON; from the folder of the configuration. */
    path: z.string().min(1, "must not be empty"),
    /** Whether it is read again when it changes. */
    watchFile: z.boolean().default(false),
  }),
  dataPart: "discovery",
  explain: ({ path, watchFile }) => `takes the endpoints from ${path}${watchFile ? ", and again when it changes" : ""}`,
  data: ({ path, watchFile }, settings) => ({ ...settings, discovery: { path, watch: watchFile } }),
});

const label = (name: string) =>
  z
    .string()
    .default(name)
    .transform((text) => text || name);

/** Where endpoints are, by their labels. */
export const topologyExtractor = definePolicy({
  type: "topology-extractor",
  about: "Says which labels of an endpoint tell where it is; they show under Kubernetes' names.",
  parameters: z.strictObject({
    /** Label of the machine. */
    hostname: label(topologyLabels.hostname),
    /** Label of the rack. */
    rack: label(topologyLabels.rack),
    /** Label of the zone. */
    zone: label(topologyLabels.zone),
    /** Label of the region. */
    region: label(topologyLabels.region),
  }),
  data: (topology, settings) => ({ ...settings, topology }),
});

/** Comings and goings of endpoints. */
export const endpointNotificationSource = definePolicy({
  type: "endpoint-notification-source",
  about: "Tells of endpoints that come and go; the host always does.",
  parameters: z.strictObject({}),
  implied: true,
});
