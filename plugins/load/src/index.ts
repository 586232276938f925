export * from "./inflight-load.ts";
export * from "./load.ts";
export * from "./scorer.ts";
export * from "./token-load.ts";
