export * from "./outcome.ts";
export * from "./scenario.ts";
export * from "./workload.ts";
