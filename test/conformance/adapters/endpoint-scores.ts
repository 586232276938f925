import { runProtocol } from "../stream/run-protocol.ts";

/** Scores in the metadata of the answer. */
export const endpointScores = runProtocol;
