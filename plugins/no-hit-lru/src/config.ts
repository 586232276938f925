import { z } from "zod";

/** `parameters:` of a `no-hit-lru-scorer`. */
export const noHitLruConfig = z.strictObject({
  /** Endpoints of which it is remembered when they were last sent a cold request. */
  lruSize: z.int().min(1).default(1_024),
  /** Name of the producer; one writes a value for all, so that this only says what is meant. */
  prefixMatchInfoProducerName: z.string().default(""),
});
