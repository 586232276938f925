import { z } from "zod";
import { definePolicy, type PolicyType } from "../policy-type.ts";

/** `parameters:` of types that set the headers of disaggregated stages; accepted, and never read. */
const headerHandlerParameters = z.strictObject({
  /** Profile whose pick was written to `x-prefiller-host-port`. */
  prefillProfile: z.string().optional(),
  /** Profile whose picks were written to `x-encoder-hosts-ports`. */
  encodeProfile: z.string().optional(),
});

const headerHandler = {
  about: "Deprecated: `disagg-profile-handler` sets the headers of its stages itself.",
  notice: "does nothing: disagg-profile-handler sets the headers of its stages itself; remove it",
  parameters: headerHandlerParameters,
  implied: true,
} as const;

/** Types that stood beside the profile handler, which does their work itself. */
export const headerHandlers: readonly PolicyType[] = [
  definePolicy({ ...headerHandler, type: "disagg-headers-handler" }),
  definePolicy({ ...headerHandler, type: "prefill-header-handler" }),
];
