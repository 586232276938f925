import { notBuilt } from "../shapes.ts";

/** A filter of the reference that a configuration may name; the header it reads is also a switch of the door. */
export const testfilter = notBuilt("plugin types", "header-based-testing-filter");
