export type {
  Engine,
  EngineConfig,
  EngineEvent,
  EngineRequest,
  EngineStats,
  RequestResult,
} from "./contract.ts";
export { createEngine } from "./engine.ts";
export {
  type EngineShape,
  type Hardware,
  hardwarePresets,
  type ModelShape,
  modelPresets,
  parseEngineShape,
} from "./presets.ts";
export { createStepTime, kvCapacityTokens, type StepTime } from "./step-time.ts";
