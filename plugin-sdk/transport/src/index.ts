export * from "./grpc-frames.ts";
export * from "./guard.ts";
export * from "./local-instance.ts";
export * from "./rpc-failure.ts";
export * from "./session-types.ts";
export * from "./unary-types.ts";
