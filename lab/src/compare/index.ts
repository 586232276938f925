export { type CompareProgress, type Comparison, compare } from "./compare.ts";
export { CompareError } from "./compare-error.ts";
export { toComparisonJson } from "./comparison-json.ts";
export { describeJob } from "./job.ts";
export { createPlan, type Plan } from "./plan.ts";
export type { RunPool } from "./run-pool.ts";
