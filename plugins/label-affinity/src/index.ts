export * from "./context-length.ts";
export * from "./header-label.ts";
