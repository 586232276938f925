import { runProtocol } from "../stream/run-protocol.ts";

/** What the protocol's text asks for. */
export const derived = runProtocol;
