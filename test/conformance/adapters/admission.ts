import { notBuilt } from "../shapes.ts";

/** Outcomes of the queue of the reference's flow control. */
export const admission = notBuilt("flow control");
