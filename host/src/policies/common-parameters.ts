import { z } from "zod";
import type { PolicyRef } from "./policy-type.ts";

/** Whether all candidates stay where a filter would leave none. */
export const fallbackOnEmpty = z.boolean().default(false);

/** Name of a header, in any case; made lower. */
export const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "must be the name of a header")
  .transform((name) => name.toLowerCase());

/** Name of an `inflight-load-producer`; the host keeps one count, whatever the name. */
export const inFlightLoadProducerName = z.string().default("");

/** The producer that parameters name. */
export function toProducerRefs(parameters: { readonly inFlightLoadProducerName: string }): readonly PolicyRef[] {
  const name = parameters.inFlightLoadProducerName;
  return name === "" ? [] : [{ path: ["inFlightLoadProducerName"], name, role: "implied" }];
}
