import type { EngineSpec } from "./engine-spec.ts";
import { builtInEngines } from "./engine-specs.ts";
import { type EngineSettings, olderEngineLabel } from "./settings.ts";

/** Which engine's names an endpoint's page is read by. */
export interface EngineChoice {
  readonly spec: EngineSpec;
  /** What its label says where nobody knows that engine; empty = nothing wrong. */
  readonly unknown: string;
}

/** Chooses by an endpoint's labels; the same labels give the same object. */
export type ChooseEngine = (labels: Readonly<Record<string, string>>) => EngineChoice;

/** @throws {Error} where nobody knows the default engine: settings are checked. */
export function createEngineChoice({ labelKey, defaultEngine, engines }: EngineSettings): ChooseEngine {
  const specs = new Map([...builtInEngines, ...engines].map((spec) => [spec.engine, spec]));
  const fallback = specs.get(defaultEngine);
  if (fallback === undefined) throw new Error(`there is no engine ${defaultEngine}`);
  const choices = new Map([...specs].map(([name, spec]) => [name, { spec, unknown: "" }]));
  return (labels) => {
    const name = labels[labelKey] || labels[olderEngineLabel] || defaultEngine;
    return choices.get(name) ?? { spec: fallback, unknown: name };
  };
}
