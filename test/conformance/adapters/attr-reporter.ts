import { runProtocol } from "../stream/run-protocol.ts";

/** Attributes that plugins add to the metadata of the answer. */
export const attrReporter = runProtocol;
