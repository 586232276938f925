export { loadScenario, type RawScenario, type ScenarioResult } from "./load-scenario.ts";
export { type Override, parseOverride } from "./overrides.ts";
