import { notBuilt } from "../shapes.ts";

/** Extraction of whole metadata: the door reads the two values it needs and no others. */
export const metadata = notBuilt("upstream internals", "metadata is read by key, never as a whole");
