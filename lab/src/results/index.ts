export { type MeanInterval, toMeanInterval } from "./interval.ts";
export { outcomeKinds } from "./measures.ts";
export { type Metric, metrics } from "./metrics.ts";
export { createResults, type Results } from "./results.ts";
export type * from "./types.ts";
