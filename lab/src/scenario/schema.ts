import { isMap } from "@outrider/host";
import { z } from "zod";
import { workload } from "../workload/schema.ts";
import { chooseSchema, name, share, time } from "../workload/schema-values.ts";
import { events, fleet } from "./schema-fleet.ts";

/** What is done to the answers of one plugin. */
const disturbance = z.strictObject({
  /** Virtual time that an answer takes. */
  latency: time("from 0").default(0),
  /** How many calls are never answered, in [0, 1]. */
  missShare: share.default(0),
  /** When it is lost, and for how long. */
  outages: z
    .array(
      z.strictObject({
        /** When, from the start. */
        at: time("from 0"),
        /** How long it is away. */
        for: time("above 0"),
      }),
    )
    .default([]),
});

/** A configuration's file, or the configuration itself. */
const config = chooseSchema<string | Readonly<Record<string, unknown>>>((value) =>
  isMap(value) ? z.record(z.string(), z.unknown()) : z.string().min(1, "must not be empty"),
);

/** A scenario file. Rules between its parts are checked behind this. */
export const scenarioFile = z.strictObject({
  /** Form of the file. */
  apiVersion: z.literal("outrider.dev/v1alpha1"),
  /** Always `Scenario`. */
  kind: z.literal("Scenario"),
  /** Names it in results; default the file's name. */
  name: name.optional(),
  /** Of everything that is drawn: 32 bits. */
  seed: z
    .int()
    .min(0)
    .max(2 ** 32 - 1)
    .default(1),
  /** An EndpointPickerConfig: a file, from the folder of the scenario, or the configuration itself. */
  config,
  /** Model servers, in groups. */
  fleet,
  /** What is asked of them: one kind of requests, or several side by side. */
  workload,
  /** When arrivals end; what is under way then is finished. Default: the workload's own end. */
  duration: time("above 0").optional(),
  /** Requests that arrive before are left out of the results. */
  warmUp: time("from 0").default(0),
  /** Time between two scrapes of a server. */
  scrapeInterval: time("above 0").default(50),
  /** How much older values are than their scrape. */
  staleness: time("from 0").default(0),
  /** Added to every time to first token, for what is not modelled: HTTP, tokenising. */
  overhead: time("from 0").default(0),
  /** Client's time-out for a whole answer; default none. */
  clientTimeout: time("above 0").optional(),
  /** Time that the KV blocks of a prompt take from one server to another, per token. */
  kvTransfer: time("from 0").default(0.003),
  /** What happens to the fleet meanwhile. */
  events,
  /** What is done to the answers of plugins, by their names in the configuration. */
  disturbances: z.record(z.string(), disturbance).default({}),
});

/** A scenario file, its shape checked. */
export type ScenarioFile = z.output<typeof scenarioFile>;
