import { z } from "zod";
import { referenceVersions } from "./budgets.ts";
import { dataLayerEntry, flowControlEntry, requestHandlerEntry } from "./schema-reference.ts";
import { modelRewriteEntry, objectiveEntry } from "./schema-requests.ts";
import { duration, heap, name, pluginRef } from "./schema-values.ts";

/** `apiVersion:` of a configuration: ours, the reference's and the reference's older one. One form serves all. */
export const apiVersions = ["outrider.dev/v1alpha1", ...referenceVersions];

/** Threads of the `worker` placement where the configuration does not say, and the heap of each, in MiB. */
export const defaultWorkers = { threads: 2, memoryMb: 256 };

const mostThreads = 64;
const largestWeight = 1_000_000;

/** What a plugin asks for or is granted: a key, or a key with its conditions. */
export const needEntry = z.preprocess(
  (value) => (typeof value === "string" ? { key: value } : value),
  z.strictObject({
    /** Canonical key, such as `waiting_requests` or `request.headers`. */
    key: z.string(),
    /** Names of the labels, sets or headers; no wildcards. */
    names: z.array(z.string().min(1, "must not be empty")).optional(),
    /** Largest value, in bytes (prompt text) or tokens (token ids). */
    maxBytes: z.int().min(1).optional(),
    /** Tokens in one prefix block. */
    blockSize: z.int().min(1).max(65_536).optional(),
  }),
);

/** One of `processes:`, which serves plugins: a command that the host starts, or an address where it runs already. */
export const processEntry = z.strictObject({
  /** What `process:` of a plugin refers to. */
  name,
  /** Program and arguments; run in the folder of the configuration file, without a shell. */
  command: z.array(z.string()).min(1, "must name a program").optional(),
  /** Where it runs: `http:`, `https:`, `h2c:` or `unix:`. */
  url: z.string().optional(),
  /** Added to the environment of `command`. */
  env: z.record(z.string(), z.string()).default({}),
  /** SHA-256 that the program of `command` must have, in hexadecimal; default any. */
  sha256: z.string().optional(),
  /** File with the bearer token for `url`. */
  tokenFile: z.string().min(1, "must not be empty").optional(),
  /** Certificates for a `url` of https. */
  tls: z
    .strictObject({
      /** PEM file of the authorities that its certificate is checked against; default the system's. */
      ca: z.string().min(1, "must not be empty").optional(),
      /** PEM file of the host's own certificate. */
      cert: z.string().min(1, "must not be empty").optional(),
      /** PEM file of its key. */
      key: z.string().min(1, "must not be empty").optional(),
      /** Name that its certificate must be for; default the URL's. */
      serverName: z.string().min(1, "must not be empty").optional(),
    })
    .optional(),
});

/** The threads of the `worker` placement. */
export const workersEntry = z.strictObject({
  /** How many there are; shared by all plugins placed there. */
  threads: z.int().min(1).max(mostThreads).default(defaultWorkers.threads),
  /** Heap of one. */
  memory: heap.default(defaultWorkers.memoryMb),
});

/** One of `plugins:`. */
export const pluginEntry = z.strictObject({
  /** Names this instance; default its type. */
  name: name.optional(),
  /** A type of this host, or one that `process` serves. */
  type: name,
  /** File that declares the type, for one that is not of this host; from the folder of the configuration. */
  module: z.string().min(1, "must not be empty").optional(),
  /** Where it runs; default `inline`, with `module` `worker`, and with `process` where that runs. */
  placement: z.enum(["inline", "worker", "process", "remote"]).optional(),
  /** Name of the process that serves it. */
  process: z.string().optional(),
  /** Cap of a call within the decision's budget; default all of it. */
  budget: duration.optional(),
  /** What a missing answer counts as. */
  onFailure: z.string().default("abstain"),
  /** Oldest score that `onFailure: last_known` recalls; default 1s. */
  lastKnownMaxAge: duration.optional(),
  /** What happens where a filter leaves nothing; default `fail`: its profile finds no endpoint. */
  onEmpty: z.enum(["fail", "ignore_last", "relax"]).optional(),
  /** Whether a scorer is only asked and recorded: it is never counted nor waited for. */
  shadow: z.boolean().default(false),
  /** What the plugin may see beyond what asking for is enough. */
  grant: z.array(needEntry).default([]),
  /** What to send to a plugin that cannot say it itself. */
  needs: z.array(needEntry).optional(),
  /** Whether the host is ready only when this plugin is. */
  required: z.boolean().default(false),
  /** Settings of the type. */
  parameters: z.unknown().optional(),
});

/** One of a profile's `plugins:`. */
export const profilePluginEntry = z.strictObject({
  /** Name of a plugin. */
  pluginRef: z.string(),
  /** A scorer's share relative to the others. */
  weight: z.number().gt(0).max(largestWeight).optional(),
});

/** One of `schedulingProfiles:`. */
export const profileEntry = z.strictObject({
  /** Names the profile. */
  name,
  /** Its scorers and its picker. */
  plugins: z.array(profilePluginEntry).default([]),
});

/** A configuration file. Rules between its parts are checked behind this. */
export const endpointPickerConfig = z.strictObject({
  /** Form of the file. */
  apiVersion: z.enum(apiVersions),
  /** Always `EndpointPickerConfig`. */
  kind: z.literal("EndpointPickerConfig"),
  /** Budget of a decision, shared by producers and all profiles; default 5ms, in the reference's form what its parts need. */
  budget: duration.optional(),
  /** How much of responses is observed; `auto` = everything where something needs it, else nothing. */
  responses: z.enum(["auto", "full", "headers", "none"]).default("auto"),
  /** Threads of the `worker` placement. */
  workers: workersEntry.optional(),
  /** Processes that serve plugins. */
  processes: z.array(processEntry).default([]),
  /** All that takes part, in any order but that of admitters, screeners and filters of an implied profile. */
  plugins: z.array(pluginEntry).default([]),
  /** Profiles; default one of every filter and scorer. */
  schedulingProfiles: z.array(profileEntry).default([]),
  /** Priorities that requests may be served under. */
  objectives: z.array(objectiveEntry).default([]),
  /** Models that are asked for in the place of others. */
  modelRewrites: z.array(modelRewriteEntry).default([]),
  /** What becomes of a request for a model that no endpoint serves: it goes on, or is answered 404. */
  unknownModels: z.enum(["route", "refuse"]).default("route"),
  /** Whether metrics under the reference EPP's names are kept. */
  referenceMetrics: z.boolean().default(true),
  /** Switches of the reference EPP, `gate` or `gate=false`. */
  featureGates: z.array(z.string()).default([]),
  /** What reads requests. */
  requestHandler: requestHandlerEntry.optional(),
  /** Older form of `requestHandler:`, for one parser. */
  parser: pluginRef.optional(),
  /** Where endpoints come from and what is read of them. */
  dataLayer: dataLayerEntry.optional(),
  /** Which requests are refused when endpoints are full. */
  flowControl: flowControlEntry.optional(),
  /** Older place of `flowControl.saturationDetector`. */
  saturationDetector: pluginRef.optional(),
});

/** One of `plugins:`, its shape checked. */
export type PluginEntry = z.output<typeof pluginEntry>;
/** One of `processes:`, its shape checked. */
export type ProcessEntry = z.output<typeof processEntry>;
/** One of `schedulingProfiles:`, its shape checked. */
export type ProfileEntry = z.output<typeof profileEntry>;
/** One of `grant:` or `needs:`, its shape checked. */
export type NeedEntry = z.output<typeof needEntry>;
