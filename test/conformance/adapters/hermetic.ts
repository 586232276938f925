import { runProtocol } from "../stream/run-protocol.ts";

/** Requests and responses through the whole host. */
export const hermetic = runProtocol;
