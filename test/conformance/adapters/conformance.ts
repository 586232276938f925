import { notBuilt } from "../shapes.ts";

/** The gateway suite of the API's project. */
export const conformance = notBuilt("cluster test");
