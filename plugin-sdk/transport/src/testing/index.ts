export * from "./fake-call.ts";
export * from "./fake-snapshot.ts";
