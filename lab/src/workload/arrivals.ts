import { z } from "zod";
import { drawExponential, drawGamma, type Random } from "./draws.ts";
import { chooseKind, time } from "./schema-values.ts";

const mostPerSecond = 1_000_000;
const rate = z.number().min(0).max(mostPerSecond);

/** A stretch of time with one rate, or one that grows or falls evenly. */
export const stage = z
  .strictObject({
    /** Requests a second. */
    rate: rate.optional(),
    /** Requests a second at its start, instead of `rate`. */
    from: rate.optional(),
    /** Requests a second at its end. */
    to: rate.optional(),
    /** How long it lasts. */
    for: time("above 0"),
  })
  .refine((stage) => (stage.rate === undefined) === (stage.from !== undefined && stage.to !== undefined), {
    error: "needs rate, or from and to",
  })
  .refine((stage) => stage.rate === undefined || (stage.from === undefined && stage.to === undefined), {
    error: "has both rate and from or to",
  });

/** A kind of arrivals with what all kinds have. */
function arrivalsOf<K extends string, F extends z.ZodRawShape>(kind: K, fields: F) {
  const shape = {
    kind: z.literal(kind),
    /** Requests a second. */
    rate: rate.gt(0, "must be above 0").optional(),
    /** How long requests arrive; default until the scenario's `duration`. */
    for: time("above 0").optional(),
    /** Stretches one behind the other, instead of `rate` and `for`. */
    stages: z.array(stage).min(1, "must have one at least").optional(),
    /** Most requests; default no limit. */
    limit: z.int().min(1).optional(),
  };
  return z
    .strictObject({ ...shape, ...fields })
    .refine((value) => ((value as Common).rate === undefined) !== ((value as Common).stages === undefined), {
      error: "needs rate, or stages, and not both",
    })
    .refine((value) => (value as Common).for === undefined || (value as Common).stages === undefined, {
      path: ["for"],
      error: "is said by each of stages",
    });
}

interface Common {
  readonly rate?: number | undefined;
  readonly for?: number | undefined;
  readonly stages?: readonly z.output<typeof stage>[] | undefined;
  readonly limit?: number | undefined;
}

/** Kinds of arrivals: what lies between two of them. */
export const arrivalKinds = {
  /** The same time. */
  constant: arrivalsOf("constant", {}),
  /** Times of clients that do not know of each other. */
  poisson: arrivalsOf("poisson", {}),
  /** Times that vary more, or less, than those. */
  gamma: arrivalsOf("gamma", {
    /** Standard deviation of the time between two, in means: 1 = as poisson, more = bursts. */
    variation: z.number().min(0.05).max(20).default(3),
  }),
  /** Poisson within bursts, nothing between them; the rate is the mean of both. */
  "on-off": arrivalsOf("on-off", {
    /** How long a burst lasts. */
    on: time("above 0"),
    /** How long nothing comes behind it. */
    off: time("above 0"),
  }),
};

/** When requests arrive, checked. */
export type Arrivals = Common &
  (
    | { readonly kind: "constant" | "poisson" }
    | { readonly kind: "gamma"; readonly variation: number }
    | { readonly kind: "on-off"; readonly on: number; readonly off: number }
  );

/** `arrivals:` of a workload. */
export const arrivals = chooseKind<Arrivals>(arrivalKinds);

/** Whether they never end by themselves. */
export function isEndless({ for: forMs, stages, limit }: Arrivals): boolean {
  return forMs === undefined && stages === undefined && limit === undefined;
}

/** Virtual ms of each arrival, ascending: the gaps of the kind, stretched by the rate of their moment. */
export function* arrivalTimes(spec: Arrivals, random: Random): Generator<number, void, void> {
  const gap = gapsOf(spec, random);
  const warp = warpOf(spec);
  let next = spec.kind === "constant" ? 0 : gap();
  let sent = 0;
  let massBefore = 0;
  let startMs = 0;
  for (const { from, to, forMs } of stretchesOf(spec)) {
    const mass = ((from + to) / 2) * forMs;
    const slope = (to - from) / forMs;
    for (; next < massBefore + mass - roundingMass; next += gap()) {
      if (sent++ === spec.limit) return;
      yield warp(startMs + timeWithin(from, slope, next - massBefore));
    }
    massBefore += mass;
    startMs += forMs;
  }
}

/** Time in which a rate that starts at `from` and changes by `slope` brings so many requests. */
function timeWithin(from: number, slope: number, requests: number): number {
  if (requests <= 0) return 0;
  return (2 * requests) / (from + Math.sqrt(Math.max(0, from ** 2 + 2 * slope * requests)));
}

/** Share of a request by which sums of rate times time may be wrong. */
const roundingMass = 1e-9;

/** Requests per ms at both ends of each stretch of time. */
function stretchesOf(spec: Arrivals): readonly { from: number; to: number; forMs: number }[] {
  if (spec.stages === undefined) {
    const perMs = (spec.rate ?? 0) / 1000;
    return [{ from: perMs, to: perMs, forMs: spec.for ?? Number.POSITIVE_INFINITY }];
  }
  return spec.stages.map(({ rate, from = rate, to = rate, for: forMs }) => ({
    from: (from ?? 0) / 1000,
    to: (to ?? 0) / 1000,
    forMs,
  }));
}

/** Gaps of mean 1. */
function gapsOf(spec: Arrivals, random: Random): () => number {
  switch (spec.kind) {
    case "constant":
      return () => 1;
    case "poisson":
    case "on-off":
      return () => drawExponential(random);
    case "gamma":
      return () => drawGamma(random, spec.variation);
  }
}

/** Moves what arrives within on and off together into the time of on. */
function warpOf(spec: Arrivals): (atMs: number) => number {
  if (spec.kind !== "on-off") return (atMs) => atMs;
  const cycleMs = spec.on + spec.off;
  return (atMs) => Math.floor(atMs / cycleMs) * cycleMs + ((atMs % cycleMs) * spec.on) / cycleMs;
}
