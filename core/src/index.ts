export * from "./contract/index.ts";
export * from "./cycle/types.ts";
export * from "./table/snapshot.ts";
