export * from "./endpoints.ts";
export * from "./errors.ts";
export * from "./facts.ts";
export * from "./feedback.ts";
export * from "./keys.ts";
export * from "./random.ts";
export * from "./scorer.ts";
