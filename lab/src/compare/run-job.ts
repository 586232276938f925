import type { PluginCatalogue } from "@outrider/host";
import { createResults, type RunSummary } from "../results/index.ts";
import { loadScenario } from "../scenario/index.ts";
import { runScenario } from "../simulation/index.ts";
import type { Job } from "./job.ts";

/**
 * Makes one run.
 * @throws {OutriderError} as `runScenario`; where the scenario is no longer what it was, too.
 */
export async function runJob({ scenario, overrides, config }: Job, catalogue: PluginCatalogue): Promise<RunSummary> {
  const { name, text, folder } = scenario;
  const loaded = await loadScenario({ name, bytes: Buffer.from(text), folder }, overrides);
  if (loaded.kind === "invalid") throw new Error(`${name} has changed since it was checked`);
  const own = { ...loaded.scenario, ...config };
  const observer = createResults(own);
  return observer.summary(await runScenario(own, { catalogue, observer }));
}
