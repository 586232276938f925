import { notBuilt } from "../shapes.ts";

/** Parsers chosen by the path of a request. */
export const parsers = notBuilt("parsers");
