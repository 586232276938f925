export { type RunParts, runScenario } from "./run-scenario.ts";
