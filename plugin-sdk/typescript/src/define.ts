import type { ProducerDefinition, ScorerDefinition } from "@outrider/core/contract";
import type { z } from "zod";

/** A scorer as its author writes it: {@link ScorerDefinition} with a zod schema, and without `kind`. */
export type ScorerDeclaration<S extends z.ZodType> = Omit<ScorerDefinition<z.output<S>>, "kind" | "config"> & {
  /** Checks and documents `parameters:`. */
  readonly config: S;
};

/** A producer as its author writes it. */
export type ProducerDeclaration<S extends z.ZodType> = Omit<ProducerDefinition<z.output<S>>, "kind" | "config"> & {
  /** Checks and documents `parameters:`. */
  readonly config: S;
};

/**
 * Declares a scorer type. What it returns runs inline, in a worker, as a process (`serve`) and in tests alike.
 * @example
 * export const shortQueue = defineScorer({
 *   type: "short-queue",
 *   category: "distribution",
 *   state: "none",
 *   needs: ["waiting_requests"],
 *   config: z.strictObject({ saturation: z.number().positive().default(16) }),
 *   create: ({ saturation }) => ({
 *     score({ candidates, columns: { waitingRequests } }, scores) {
 *       candidates.forEach((slot, i) => {
 *         scores[i] = 1 - Math.min(waitingRequests[slot]! / saturation, 1);
 *       });
 *     },
 *   }),
 * });
 */
export function defineScorer<S extends z.ZodType>(declaration: ScorerDeclaration<S>): ScorerDefinition<z.output<S>> {
  return { ...declaration, kind: "scorer" };
}

/** Declares a producer type: it writes named values per candidate that filters, deciders and scorers read. */
export function defineProducer<S extends z.ZodType>(
  declaration: ProducerDeclaration<S>,
): ProducerDefinition<z.output<S>> {
  return { ...declaration, kind: "producer" };
}
