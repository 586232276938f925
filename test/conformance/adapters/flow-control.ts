import { runProtocol } from "../stream/run-protocol.ts";

/** Requests that wait for others. */
export const flowControl = runProtocol;
