export * from "./lmetric.ts";
export * from "./smg-cache-aware.ts";
export * from "./smg-least-load.ts";
