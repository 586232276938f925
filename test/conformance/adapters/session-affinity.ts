import { runProtocol } from "../stream/run-protocol.ts";

/** Tokens and ids that pin a session to an endpoint. */
export const sessionAffinity = runProtocol;
