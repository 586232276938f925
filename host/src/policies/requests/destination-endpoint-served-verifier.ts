import { z } from "zod";
import { definePolicy } from "../policy-type.ts";

/** What conformance suites of gateways read in responses. */
export const servedVerifier = definePolicy({
  type: "destination-endpoint-served-verifier",
  about: "Says in a header of each response which endpoint the gateway sent it to, for conformance suites.",
  notice: "nothing is made of it: start the host with --conformance-switches",
  parameters: z.strictObject({}),
  implied: true,
});
