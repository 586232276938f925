import { notBuilt } from "../shapes.ts";

/** The filter that only conformance suites switch on. */
export const testfilter = notBuilt("conformance switches");
