import { contextLengthLabel } from "@outrider/plugin-sdk";
import { z } from "zod";

/** `parameters:` of a `header-label-affinity-scorer`. */
export const headerLabelConfig = z.strictObject({
  /** Name of the request header; case does not matter. */
  headerName: z
    .string()
    .regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/, "must be the name of a header")
    .transform((name) => name.toLowerCase()),
  /** Name of the label that the header's value is compared with. */
  labelKey: z.string().min(1, "must not be empty"),
});

/** `parameters:` of a `context-length-aware` scorer. */
export const contextLengthConfig = z.strictObject({
  /** Label that says for which lengths of prompts an endpoint is meant, in tokens, as `MIN-MAX`. */
  label: z.string().min(1, "must not be empty").default(contextLengthLabel),
  /** Whether endpoints that are meant for other lengths are dropped too. */
  enableFiltering: z.boolean().default(false),
});
