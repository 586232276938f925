export { outcomeKinds } from "./measures.ts";
export { createResults, type Results } from "./results.ts";
export type * from "./types.ts";
