export { checkShape, type Fields } from "./check-shape.ts";
export { loadScenario, type RawScenario, type ScenarioResult } from "./load-scenario.ts";
export { applyOverrides, type Override, parseOverride, toPath } from "./overrides.ts";
