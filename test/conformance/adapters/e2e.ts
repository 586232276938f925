import { notBuilt } from "../shapes.ts";

/** Tests that need a cluster. */
export const e2e = notBuilt("cluster test");
