export { experimentText, toExperimentJson } from "./experiment-text.ts";
export { isExperiment, loadExperiment } from "./load-experiment.ts";
export { type CaseComparison, planCases, runCases } from "./run-cases.ts";
