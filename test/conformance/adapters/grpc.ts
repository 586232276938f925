import { runProtocol } from "../stream/run-protocol.ts";

/** Requests of vLLM's gRPC API. */
export const grpc = runProtocol;
